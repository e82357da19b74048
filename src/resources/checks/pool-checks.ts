/** Checks of IP pools. Upstream: validator.go (validateIPPool) and lib/clientv3/ippool.go. */
import { formatCidr, parseCidr, tryParseCidr, tryParseInterfaceAddress } from '../../ip/index.ts';
import type { IPPoolSpec } from '../kinds/ip-pool.ts';
import type { Problem } from '../problem.ts';
import type { Release } from '../schema.ts';
import { containsGlobal } from './rule-checks.ts';

const linkLocal4 = parseCidr('169.254.0.0/16');
const linkLocal6 = parseCidr('fe80::/10');

/** Names of fields as the two places of upstream that check pools write them. */
interface FieldNames {
  readonly cidr: string;
  readonly blockSize: string;
}

/** What the validator says of a pool. */
export function* poolProblems(spec: IPPoolSpec, release: Release): Generator<Problem> {
  const cidr = tryParseCidr(spec.cidr ?? '');
  if (!cidr || !spec.cidr.includes('/')) {
    yield { field: 'IPpool.CIDR', value: spec.cidr ?? '', reason: 'IPPool CIDR must be a valid subnet' };
    return;
  }
  const off = (mode: string | undefined) => mode === undefined || mode === '' || mode === 'Never';
  if (cidr.version === 6 && !off(spec.ipipMode)) {
    const reason = "IPIPMode other than 'Never' is not supported on an IPv6 IP pool";
    yield { field: 'IPpool.IPIPMode', value: spec.ipipMode!, reason };
  }
  if (cidr.version === 6 && !off(spec.vxlanMode) && release === 'v3.15') {
    const reason = "VXLANMode other than 'Never' is not supported on an IPv6 IP pool";
    yield { field: 'IPpool.VXLANMode', value: spec.vxlanMode!, reason };
  }
  yield* rangeProblems(spec, { cidr: 'IPpool.CIDR', blockSize: 'IPpool.BlockSize' });
  if (release === 'v3.15') return;
  yield* useProblems(spec, off);
}

function* useProblems(spec: IPPoolSpec, off: (mode: string | undefined) => boolean): Generator<Problem> {
  const uses = spec.allowedUses ?? [];
  const shown = `[${uses.join(' ')}]`;
  const others = uses.filter((use) => use === 'Workload' || use === 'Tunnel');
  for (const use of uses) {
    if (!['Workload', 'Tunnel', 'LoadBalancer'].includes(use)) {
      yield { field: 'IPpool.AllowedUses', value: shown, reason: `unknown use: ${use}` };
    }
  }
  if (uses.includes('LoadBalancer')) {
    if (others.length > 0) {
      const reason = `LoadBalancer cannot be used at the same time as: ${others.join(', ')}`;
      yield { field: 'IPpool.AllowedUses', value: shown, reason };
    }
    for (const [field, mode] of [
      ['IPIPMode', spec.ipipMode],
      ['VXLANMode', spec.vxlanMode],
    ] as const) {
      if (off(mode)) continue;
      const reason = 'Neither IPIPMode nor VXLANMode can be enabled on AllowedUses LoadBalancer IP pool';
      yield { field: `IPpool.${field}`, value: mode!, reason };
    }
    if (spec.nodeSelector && spec.nodeSelector !== 'all()') {
      const reason = 'IP Pool with AllowedUse LoadBalancer must have node selector set to all()';
      yield { field: 'IPpool.NodeSelector', value: spec.nodeSelector, reason };
    }
    if (spec.disableBGPExport) {
      // Upstream's text says the opposite of what it checks.
      const reason = 'IP Pool with AllowedUse LoadBalancer must have DisableBGPExport set to true';
      yield { field: 'IPpool.DisableBGPExport', value: spec.cidr, reason };
    }
  }
  if (spec.namespaceSelector && uses.includes('Tunnel')) {
    const reason =
      'IP Pool with AllowedUse Tunnel cannot have namespaceSelector specified - tunnel IPs are not namespaced resources';
    yield { field: 'IPpool.NamespaceSelector', value: spec.namespaceSelector, reason };
  }
  for (const [field, json, text] of [
    ['NodeSelector', 'nodeSelector', spec.nodeSelector],
    ['NamespaceSelector', 'namespaceSelector', spec.namespaceSelector],
  ] as const) {
    if (!containsGlobal(text)) continue;
    const reason = `global() selector is not valid for IPPool ${json} - use all() instead`;
    yield { field: `IPpool.${field}`, value: text!, reason };
  }
}

/** Mask, size and place of a pool. */
function* rangeProblems(spec: IPPoolSpec, names: FieldNames): Generator<Problem> {
  const cidr = parseCidr(spec.cidr);
  const text = formatCidr(cidr);
  if (tryParseInterfaceAddress(spec.cidr)!.address.value !== cidr.value) {
    yield { field: names.cidr, value: text, reason: 'IPPool CIDR is not strictly masked' };
  }
  const size = spec.blockSize ?? 0;
  if (size !== 0) {
    const [least, most] = cidr.version === 4 ? [20, 32] : [116, 128];
    if (size < least || size > most) {
      const reason = `IPv${cidr.version} block size must be between ${least} and ${most}`;
      yield { field: names.blockSize, value: String(size), reason };
    }
    // Upstream subtracts the prefix as written, which for IPv4-mapped addresses counts from 128 bits.
    const prefix = Number(spec.cidr.slice(spec.cidr.indexOf('/') + 1));
    if (!spec.disabled && prefix > size) {
      const reason =
        'IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.';
      yield { field: names.cidr, value: text, reason };
    }
  }
  for (const range of [linkLocal4, linkLocal6]) {
    if (range.version !== cidr.version) continue;
    const inside = cidr.value >> BigInt(shift(range)) === range.value >> BigInt(shift(range));
    if (!inside || cidr.prefix < range.prefix) continue;
    const reason = `IPPool CIDR overlaps with IPv${range.version} Link Local range ${formatCidr(range)}`;
    yield { field: names.cidr, value: text, reason };
  }
}

function shift(range: { readonly version: 4 | 6; readonly prefix: number }): number {
  return (range.version === 4 ? 32 : 128) - range.prefix;
}

/** What a create or update of a pool is checked against, beside the pool itself. */
export interface PoolSurroundings {
  /** The pool as it is, on update. */
  readonly old?: { readonly spec: IPPoolSpec };
  /** The other pools, on create and when the CIDR changes. */
  readonly others: readonly { readonly name: string; readonly spec: IPPoolSpec }[];
}

/** What the client refuses before the validator sees the pool; the spec has its defaults already. */
export function poolWriteProblems(
  name: string,
  spec: IPPoolSpec,
  surroundings: PoolSurroundings,
): readonly Problem[] {
  const field = 'IPPool.Spec.CIDR';
  if (!spec.cidr) return [{ field, reason: 'IPPool CIDR must be specified' }];
  const cidr = spec.cidr.includes('/') ? tryParseCidr(spec.cidr) : undefined;
  if (!cidr) return [{ field, value: spec.cidr, reason: 'IPPool CIDR must be a valid subnet' }];
  const text = formatCidr(cidr);
  const problems: Problem[] = [];
  const { old, others } = surroundings;
  if (old) {
    const before = tryParseCidr(old.spec.cidr);
    if (!before || formatCidr(before) !== text) {
      problems.push({ field, value: text, reason: 'IPPool CIDR cannot be modified' });
    }
    if (old.spec.blockSize !== spec.blockSize) {
      const value = String(spec.blockSize ?? 0);
      problems.push({ field: 'IPPool.Spec.BlockSize', value, reason: 'IPPool BlockSize cannot be modified' });
    }
  }
  const enabled = (mode: string | undefined) => mode !== undefined && mode !== '' && mode !== 'Never';
  if (enabled(spec.ipipMode) && enabled(spec.vxlanMode)) {
    const reason = 'Cannot enable both VXLAN and IPIP on the same IPPool';
    problems.push({ field: 'IPPool.Spec.VXLANMode', value: spec.vxlanMode!, reason });
  }
  if (cidr.version === 6 && enabled(spec.ipipMode)) {
    const reason = 'IPIP is not supported on an IPv6 IP pool';
    problems.push({ field: 'IPPool.Spec.IPIPMode', value: spec.ipipMode!, reason });
  }
  if (!old) {
    problems.push(...rangeProblems(spec, { cidr: field, blockSize: 'IPPool.Spec.BlockSize' }));
    for (const other of others) {
      const range = tryParseCidr(other.spec.cidr);
      if (!range || other.name === name || range.version !== cidr.version) continue;
      const longest = Math.min(range.prefix, cidr.prefix);
      const bits = BigInt((cidr.version === 4 ? 32 : 128) - longest);
      if (range.value >> bits !== cidr.value >> bits) continue;
      const reason = `IPPool(${name}) CIDR overlaps with IPPool(${other.name}) CIDR ${other.spec.cidr}`;
      problems.push({ field, value: text, reason });
    }
  }
  return problems;
}
