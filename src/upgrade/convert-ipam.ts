/** IPAM blocks, affinities, handles and configuration. Pure. Upstream: lib/upgrade/migrator/ipam.go. */
import { type Cidr, formatAddress, formatCidr, tryParseCidr, tryParseInterfaceAddress } from '../ip/index.ts';
import { convertNodeName } from './names.ts';
import { directoryAt, type V2Directory } from './v2-tree.ts';

/** What becomes of the IPAM keys: v3 etcd key → value. */
export interface IpamConversion {
  readonly entries: readonly { readonly path: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly errors: readonly { readonly v1: string; readonly cause: string }[];
}

const families = ['ipv4', 'ipv6'] as const;

/**
 * Paths stay, but for the host of an affinity. What upstream finds only after the pause, or never, is an error here:
 * dry-run shows it before anything stops.
 */
export function convertIpam(tree: V2Directory): IpamConversion {
  const entries: { path: string; value: Readonly<Record<string, unknown>> }[] = [];
  const errors: { v1: string; cause: string }[] = [];
  const ipam = directoryAt(tree, 'calico', 'ipam', 'v2');
  for (const family of families) {
    for (const [segment, source] of directoryAt(ipam, 'assignment', family, 'block').values) {
      const cidr = cidrOf(segment);
      const v1 = `BlockKey(cidr=${cidr ? formatCidr(cidr) : segment})`;
      const block = cidr ? objectOf(source) : `${JSON.stringify(segment)} in the key is not a CIDR`;
      if (typeof block === 'string') errors.push({ v1, cause: block });
      else if (typeof block['cidr'] !== 'string' || !tryParseCidr(block['cidr'])) {
        errors.push({ v1, cause: `cidr: ${JSON.stringify(block['cidr'] ?? null)} is not a CIDR` });
      } else if (
        !['allocations', 'unallocated', 'attributes'].every((field) => isListOrAbsent(block[field]))
      ) {
        errors.push({ v1, cause: 'allocations, unallocated and attributes must be lists' });
      } else {
        entries.push({
          // The CIDR says the family, whatever folder the key stood in.
          path: `/calico/ipam/v2/assignment/ipv${cidr!.version}/block/${pathOf(cidr!)}`,
          value: convertBlock(block),
        });
      }
    }
  }
  for (const [host, directory] of directoryAt(ipam, 'host').directories) {
    const node = convertNodeName(host);
    for (const family of families) {
      for (const [segment, source] of directoryAt(directory, family, 'block').values) {
        const cidr = cidrOf(segment);
        const v1 = `BlockAffinityKey(cidr=${cidr ? formatCidr(cidr) : segment}, host=${host})`;
        const value = source === '' ? {} : objectOf(source);
        if (!cidr) errors.push({ v1, cause: `${JSON.stringify(segment)} in the key is not a CIDR` });
        else if (node === '')
          errors.push({
            v1,
            cause: `the host ${JSON.stringify(host)} has no character that a v3 node name may have`,
          });
        else if (typeof value === 'string') errors.push({ v1, cause: value });
        else if (typeof (value['state'] ?? '') !== 'string')
          errors.push({ v1, cause: 'state: expected a string' });
        else {
          entries.push({
            path: `/calico/ipam/v2/host/${node}/${family}/block/${pathOf(cidr)}`,
            value: { state: value['state'] ?? '', deleted: value['deleted'] ?? false },
          });
        }
      }
    }
  }
  for (const [id, source] of directoryAt(ipam, 'handle').values) {
    const value = objectOf(source);
    const counts =
      typeof value === 'string'
        ? []
        : Object.values((value['block'] ?? {}) as Readonly<Record<string, unknown>>);
    if (typeof value === 'string') errors.push({ v1: `IPAMHandleKey(id=${id})`, cause: value });
    else if (counts.some((count) => typeof count !== 'number')) {
      errors.push({ v1: `IPAMHandleKey(id=${id})`, cause: 'block: expected numbers of addresses' });
    } else {
      const { id: _dropped, ...rest } = value;
      entries.push({
        path: `/calico/ipam/v2/handle/${id}`,
        value: { ...rest, deleted: rest['deleted'] ?? false },
      });
    }
  }
  return { entries, errors };
}

function convertBlock(block: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { hostAffinity, ...others } = block;
  const rest: Readonly<Record<string, unknown>> = {
    ...others,
    cidr: canonicalCidr(String(others['cidr'])),
  };
  const affinity = rest['affinity'];
  if (typeof affinity === 'string') {
    // An affinity of another form gives way to the host of old data, if both are there.
    const named = affinity.startsWith('host:') ? affinity.slice('host:'.length) : hostAffinity;
    const converted = typeof named === 'string' ? `host:${convertNodeName(named)}` : affinity;
    return {
      ...rest,
      ...(hostAffinity === undefined ? {} : { hostAffinity }),
      affinity: converted,
      deleted: rest['deleted'] ?? false,
    };
  }
  return {
    ...rest,
    // Very old blocks name their host in a field of its own.
    affinity: typeof hostAffinity === 'string' ? `host:${convertNodeName(hostAffinity)}` : null,
    deleted: rest['deleted'] ?? false,
  };
}

/** The text in its usual spelling; host bits stay as they are. */
function canonicalCidr(text: string): string {
  const parsed = tryParseInterfaceAddress(text);
  return parsed ? `${formatAddress(parsed.address)}/${parsed.prefix}` : text;
}

function cidrOf(segment: string): Cidr | undefined {
  return /-\d+$/.test(segment) ? tryParseCidr(segment.replace(/-(\d+)$/, '/$1')) : undefined;
}

function pathOf(cidr: Cidr): string {
  return formatCidr(cidr).replace('/', '-');
}

function isListOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || Array.isArray(value);
}

/** The JSON object of a value, or why it is none. */
function objectOf(source: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(source);
    if (value === null) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    return 'the value is not a JSON object';
  } catch {
    return source === '' ? 'the value is empty' : 'the value is not JSON';
  }
}
