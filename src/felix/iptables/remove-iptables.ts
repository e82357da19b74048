/** Takes our chains, rules and sets out of iptables when the host has gone over to nftables. Others' are left alone. */
import { readFileSync } from 'node:fs';
import type { IpVersion } from '../../ip/index.ts';
import { readIpsets, restoreIpsets } from '../../linux/ipset/index.ts';
import { type IptablesVariant, iptables } from '../../linux/iptables/index.ts';
import type { Namespace } from '../../linux/netns/index.ts';
import type { NftContext } from '../../linux/nftables/index.ts';
import type { Table } from '../render/index.ts';
import { planTable } from './iptables-plan.ts';
import { isOwnChain, parseSave } from './iptables-state.ts';

const tables: readonly Table[] = ['raw', 'mangle', 'nat', 'filter'];
const nothing = { chains: new Map<string, never>(), hooks: new Map<string, never>() };

/** Removes; returns names of what there was. A host without iptables costs two file reads and one listing. */
export async function removeIptables(
  nft: NftContext,
  namespace: Namespace | undefined,
): Promise<readonly string[]> {
  const inside = <T>(act: () => T): T => (namespace ? namespace.run(act) : act());
  const removed: string[] = [];
  const work: [IpVersion, IptablesVariant, readonly Table[]][] = [];
  for (const version of [4, 6] as const) {
    work.push([version, 'legacy', inside(() => legacyTables(version))]);
    work.push([version, 'nft', await nftTables(nft, version)]);
  }
  for (const [version, variant, used] of work) {
    const program = iptables(version, variant);
    for (const table of used) {
      const actual = parseSave(await inside(() => program.save(table)));
      const { input, drift } = planTable(table, nothing, actual, false);
      if (input.length === 0) continue;
      await inside(() => program.restore(`${input.join('\n')}\n`));
      removed.push(...drift.stray.map((name) => `${name} of IPv${version}, ${variant}`));
    }
  }
  if (removed.length > 0) {
    const sets = [...(await inside(() => readIpsets())).keys()].filter((name) =>
      /^(cali[46]|felix-)/.test(name),
    );
    await inside(() => restoreIpsets(sets.map((name) => `destroy ${name}`)));
    removed.push(...sets.map((name) => `set ${name}`));
  }
  return removed;
}

/** Tables of the legacy variant that are loaded: asking its programs about others would load them. */
function legacyTables(version: IpVersion): readonly Table[] {
  try {
    const names = readFileSync(
      `/proc/thread-self/net/${version === 4 ? 'ip' : 'ip6'}_tables_names`,
      'utf8',
    ).split('\n');
    return tables.filter((table) => names.includes(table));
  } catch {
    return [];
  }
}

async function nftTables(nft: NftContext, version: IpVersion): Promise<readonly Table[]> {
  const found = new Set<string>();
  for (const object of await nft.list(`list chains ${version === 4 ? 'ip' : 'ip6'}`)) {
    const chain = object['chain'] as { readonly table: string; readonly name: string } | undefined;
    if (chain && isOwnChain(chain.name)) found.add(chain.table);
  }
  return tables.filter((table) => found.has(table));
}
