/** Defaults and checks of an IPPool that need its old self and the other pools (clientv3/ippool.go). */
import {
  type Cidr,
  cidrsOverlap,
  compareAddresses,
  formatCidr,
  parseCidr,
  tryParseInterfaceAddress,
} from '../../../ip/index.ts';
import type { Resource } from '../../../resources/index.ts';
import type { Release } from '../../release.ts';
import { type FieldProblem, invalidFields } from '../errors.ts';

type Spec = Readonly<Record<string, unknown>>;

const defaultUses = ['Workload', 'Tunnel'];
const linkLocal = {
  4: { cidr: parseCidr('169.254.0.0/16'), name: 'IPv4 Link Local range 169.254.0.0/16' },
  6: { cidr: parseCidr('fe80::/10'), name: 'IPv6 Link Local range fe80::/10' },
} as const;
const blockSizes = { 4: { min: 20, max: 32 }, 6: { min: 116, max: 128 } } as const;

/** The pool with defaults filled in; throws what is wrong with it. */
export function checkPool(
  pool: Resource,
  old: Resource | undefined,
  others: readonly Resource[],
  release: Release,
): { readonly pool: Resource; readonly cidr: Cidr } {
  const given = String(pool.spec['cidr'] ?? '');
  if (given === '') throw cidrProblem('IPPool CIDR must be specified');
  const parsed = given.includes('/') ? tryParseInterfaceAddress(given) : undefined;
  if (!parsed) throw cidrProblem('IPPool CIDR must be a valid subnet', given);
  const cidr = unmapped(parseCidr(given));
  const spec = poolDefaults({ ...pool.spec, cidr: formatCidr(cidr) }, cidr, release);
  const problems: FieldProblem[] = [];
  const add = (field: string, reason: string, value: unknown = spec['cidr']): void => {
    problems.push({ name: `IPPool.Spec.${field}`, value: goList(value), reason });
  };
  if (old && old.spec['cidr'] !== spec['cidr'] && !becomesCanonical(old, spec, release)) {
    add('CIDR', 'IPPool CIDR cannot be modified');
  }
  if (old) refuseUseChange(old.spec, spec);
  const blockSize = Number(spec['blockSize']);
  if (old && old.spec['blockSize'] !== blockSize) {
    add('BlockSize', 'IPPool BlockSize cannot be modified', blockSize);
  }
  const { min, max } = blockSizes[cidr.version];
  if (blockSize < min || blockSize > max) {
    add('BlockSize', `IPv${cidr.version} block size must be between ${min} and ${max}`, blockSize);
  }
  // Go counts the bits of a mapped CIDR as those of an IPv6 one.
  if (!spec['disabled'] && parsed.prefix > blockSize) {
    add(
      'CIDR',
      'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.',
    );
  }
  if (!old) {
    for (const other of others) {
      const otherCidr = String(other.spec['cidr'] ?? '');
      const range = tryParseInterfaceAddress(otherCidr) && parseCidr(otherCidr);
      if (other.metadata.name === pool.metadata.name || !range || !cidrsOverlap(range, cidr)) continue;
      add(
        'CIDR',
        `IPPool(${pool.metadata.name}) CIDR overlaps with IPPool(${other.metadata.name}) CIDR ${otherCidr}`,
      );
    }
  }
  const encapsulated = (mode: unknown): boolean => mode !== 'Never';
  if (encapsulated(spec['vxlanMode']) && encapsulated(spec['ipipMode'])) {
    add('VXLANMode', 'Cannot enable both VXLAN and IPIP on the same IPPool', spec['vxlanMode']);
  }
  if (cidr.version === 6 && encapsulated(spec['ipipMode'])) {
    add('IPIPMode', 'IPIP is not supported on an IPv6 IP pool', spec['ipipMode']);
  }
  const { address } = parsed;
  if (address.version === cidr.version && compareAddresses(address, cidr) !== 0)
    add('CIDR', 'IPPool CIDR is not strictly masked');
  const local = linkLocal[cidr.version];
  if (cidrsOverlap(cidr, local.cidr)) add('CIDR', `IPPool CIDR overlaps with ${local.name}`);
  if (problems.length > 0) throw invalidFields(problems);
  return { pool: { ...pool, spec }, cidr };
}

/** Fills in what a pool of the release always has. */
export function poolDefaults(spec: Spec, cidr: Cidr, release: Release): Spec {
  const uses = spec['allowedUses'];
  return {
    ...spec,
    vxlanMode: spec['vxlanMode'] || 'Never',
    ipipMode: spec['ipipMode'] || 'Never',
    blockSize: spec['blockSize'] || (cidr.version === 4 ? 26 : 122),
    nodeSelector: spec['nodeSelector'] || 'all()',
    ...(release.minor >= 21
      ? { allowedUses: Array.isArray(uses) && uses.length > 0 ? uses : defaultUses }
      : {}),
    ...(release.minor >= 30 ? { assignmentMode: spec['assignmentMode'] ?? 'Automatic' } : {}),
  };
}

/** An IPv4 range that was written as IPv6 (`::ffff:10.0.0.0/104`) is an IPv4 range. */
function unmapped(cidr: Cidr): Cidr {
  const mapped = cidr.version === 6 && cidr.prefix >= 96 && cidr.value >> 32n === 0xffffn;
  return mapped ? { version: 4, value: cidr.value & 0xffffffffn, prefix: cidr.prefix - 96 } : cidr;
}

function cidrProblem(reason: string, value?: string): Error {
  return invalidFields([{ name: 'IPPool.Spec.CIDR', reason, ...(value === undefined ? {} : { value }) }]);
}

/** Newer releases let the text of an old pool become canonical. */
function becomesCanonical(old: Resource, spec: Spec, release: Release): boolean {
  if (release.minor <= 15) return false;
  const before = String(old.spec['cidr'] ?? '');
  return tryParseInterfaceAddress(before) !== undefined && formatCidr(parseCidr(before)) === spec['cidr'];
}

function refuseUseChange(before: Spec, after: Spec): void {
  const uses = (spec: Spec): readonly unknown[] =>
    Array.isArray(spec['allowedUses']) ? spec['allowedUses'] : [];
  if (!uses(before).includes('LoadBalancer')) return;
  if (uses(after).every((use) => use === 'LoadBalancer')) return;
  throw invalidFields([
    {
      name: 'IPPool.Spec.AllowedUses',
      value: goList(uses(after)),
      reason: 'IPPool allowed use cannot be changed from LoadBalacer to Workload or Tunnel',
    },
  ]);
}

function goList(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(' ')}]` : String(value);
}
