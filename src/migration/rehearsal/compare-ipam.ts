/** Addresses of both networks: which host has which block, which addresses are taken, which pools there are. */
import type { Datastore } from '../../datastore/port.ts';
import type { Resource } from '../../resources/index.ts';
import { convertNodeName, directoryAt, treeOf, type V2Dump } from '../../upgrade/index.ts';
import type { Deviation } from './rehearse.ts';
import { json } from './v2-network.ts';

/** Compares blocks, addresses in use, and pools. */
export async function compareIpam(
  dump: V2Dump,
  store: Datastore,
): Promise<{ readonly deviations: readonly Deviation[]; readonly count: number }> {
  const tree = treeOf(dump);
  const deviations: Deviation[] = [];
  const note = (about: Deviation['about'], text: string, key: string) =>
    deviations.push({ about, text, because: [key], more: 0 });

  const held = new Map<string, string>();
  for (const { key } of (await store.list({ type: 'affinity' })).items)
    if (key.type === 'affinity') held.set(key.cidr, key.host);
  let count = 0;
  for (const [host, directory] of directoryAt(tree, 'calico', 'ipam', 'v2', 'host').directories) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const segment of directoryAt(directory, family, 'block').values.keys()) {
        const cidr = cidrOf(segment);
        count++;
        const key = `/calico/ipam/v2/host/${host}/${family}/block/${segment}`;
        const owner = held.get(cidr);
        if (owner === undefined) note('address', `block ${cidr} of ${host} belongs to nobody in v3`, key);
        else if (owner !== convertNodeName(host))
          note('address', `block ${cidr} of ${host} belongs to ${owner} in v3`, key);
      }
    }
  }

  const blocks = new Map<string, unknown>();
  for (const { key, value } of (await store.list({ type: 'block' })).items)
    if (key.type === 'block') blocks.set(key.cidr, value);
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const [segment, source] of directoryAt(tree, 'calico', 'ipam', 'v2', 'assignment', family, 'block')
      .values) {
      const cidr = cidrOf(segment);
      const key = `/calico/ipam/v2/assignment/${family}/block/${segment}`;
      const before = taken(json(source));
      const after = taken(blocks.get(cidr));
      if (after === undefined)
        note(
          'address',
          `block ${cidr} is not in v3: its ${before?.length ?? 0} addresses could be given out again`,
          key,
        );
      else if (JSON.stringify(before) !== JSON.stringify(after))
        note('address', `block ${cidr} has other addresses in use in v3`, key);
    }
  }
  if (json(dump['/calico/ipam/v2/config'])['strict_affinity'] === true)
    note(
      'address',
      'strict_affinity is true in v2 and is not converted: set it with `calicoctl ipam configure --strictaffinity=true`',
      '/calico/ipam/v2/config',
    );

  const pools = new Map(
    (await store.list({ type: 'resource', kind: 'IPPool' })).items.map(({ value }) => {
      const { spec } = value as Resource;
      return [String(spec['cidr']), spec] as const;
    }),
  );
  for (const family of ['v4', 'v6'] as const) {
    for (const [segment, source] of directoryAt(tree, 'calico', 'v1', 'ipam', family, 'pool').values) {
      const { cidr, ipip, ipip_mode: mode, masquerade, disabled } = json(source);
      const key = `/calico/v1/ipam/${family}/pool/${segment}`;
      const spec = pools.get(String(cidr));
      if (!spec) {
        note('pool', `pool ${String(cidr)} is not in v3`, key);
        continue;
      }
      const before = `IPIP ${!ipip ? 'never' : mode === 'cross-subnet' ? 'crosssubnet' : 'always'}, NAT ${masquerade === true}, disabled ${disabled === true}`;
      const after = `IPIP ${String(spec['ipipMode'] ?? 'Never').toLowerCase()}, NAT ${spec['natOutgoing'] === true}, disabled ${spec['disabled'] === true}`;
      if (before !== after) note('pool', `pool ${String(cidr)}: ${before} in v2, ${after} in v3`, key);
    }
  }
  return { deviations, count };
}

function cidrOf(segment: string): string {
  return segment.replace(/-(\d+)$/, '/$1').replaceAll(/-/g, ':');
}

/** Ordinals of a block that are in use. */
function taken(block: unknown): readonly number[] | undefined {
  const allocations = (block as { allocations?: readonly unknown[] } | undefined)?.allocations;
  return allocations?.flatMap((one, index) => (one === null ? [] : [index]));
}
