/** IPAM blocks, affinities, handles and configuration. Pure. Upstream: lib/upgrade/migrator/ipam.go. */
import { type Cidr, formatCidr, parseCidr, tryParseCidr } from '../ip/index.ts';
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
      // A key of the wrong family is no block key at all, for upstream's readers as for ours.
      if (cidr && `ipv${cidr.version}` !== family) continue;
      const v1 = `BlockKey(cidr=${cidr ? formatCidr(cidr) : segment})`;
      const block = cidr ? objectOf(source) : `${JSON.stringify(segment)} in the key is not a CIDR`;
      if (typeof block === 'string') errors.push({ v1, cause: block });
      else if (typeof block['cidr'] !== 'string' || !tryParseCidr(block['cidr'])) {
        errors.push({ v1, cause: `cidr: ${JSON.stringify(block['cidr'] ?? null)} is not a CIDR` });
      } else {
        entries.push({
          path: `/calico/ipam/v2/assignment/${family}/block/${pathOf(cidr!)}`,
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
        const value = source.trim() === '' || source.trim() === 'null' ? {} : objectOf(source);
        if (!cidr) errors.push({ v1, cause: `${JSON.stringify(segment)} in the key is not a CIDR` });
        else if (node === '')
          errors.push({
            v1,
            cause: `the host ${JSON.stringify(host)} has no character that a v3 node name may have`,
          });
        else if (typeof value === 'string') errors.push({ v1, cause: value });
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
    if (typeof value === 'string') errors.push({ v1: `IPAMHandleKey(id=${id})`, cause: value });
    else {
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
    cidr: formatCidr(parseCidr(String(others['cidr']))),
  };
  const affinity = rest['affinity'];
  if (typeof affinity === 'string') {
    const converted = affinity.startsWith('host:')
      ? `host:${convertNodeName(affinity.slice('host:'.length))}`
      : affinity;
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

function cidrOf(segment: string): Cidr | undefined {
  return /-\d+$/.test(segment) ? tryParseCidr(segment.replace(/-(\d+)$/, '/$1')) : undefined;
}

function pathOf(cidr: Cidr): string {
  return formatCidr(cidr).replace('/', '-');
}

/** The JSON object of a value, or why it is none. */
function objectOf(source: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(source);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    return 'the value is not a JSON object';
  } catch {
    return source === '' ? 'the value is empty' : 'the value is not JSON';
  }
}
