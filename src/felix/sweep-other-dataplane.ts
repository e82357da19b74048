/**
 * Removes what the packet filter that is *not* in use left behind: the agent's own chains, sets and tables of an earlier
 * choice (ours or upstream's), and nothing of anybody else's. Runs once the chosen one is in force, so that there is no
 * moment without a filter. Upstream: felix/dataplane/linux/int_dataplane.go, cleanup of the other mode.
 */
import { readFileSync } from 'node:fs';
import type { IpVersion } from '../ip/index.ts';
import {
  type IptablesTable,
  type IptablesVariant,
  iptables,
  type Namespace,
  NftContext,
  readIpsets,
  restoreIpsets,
} from '../linux/index.ts';
import type { RuleDataplane } from './dataplane.ts';
import { inHost } from './host/host-sysctls.ts';

/** Chains that Felix has made over the years. */
const ownChain = /^(cali-|califw-|calitw-|califh-|calith-|calipi-|calipo-|felix-)/;
/** Sets that Felix has made over the years. */
const ownSet = /^(cali4|cali6|felix-4|felix-6|felix-masq-ipam-pools$|felix-all-ipam-pools$)/;

const tableNames: readonly IptablesTable[] = ['raw', 'mangle', 'nat', 'filter'];

/** Sweeps; returns what was removed, in a person's words. */
export async function sweepOtherDataplane(
  inUse: RuleDataplane['name'],
  namespace?: Namespace,
): Promise<readonly string[]> {
  return inUse === 'nftables' ? await sweepIptables(namespace) : await sweepNftables(namespace);
}

/** The restore commands that remove our chains from a saved table, and the rules that lead to them. Pure. */
export function removalOf(saved: string): readonly string[] {
  const chains = [...saved.matchAll(/^:(\S+) /gm)]
    .map((match) => match[1] ?? '')
    .filter((name) => ownChain.test(name));
  const jumps = saved.split('\n').filter((line) => {
    const [, chain] = /^-A (\S+) /.exec(line) ?? [];
    if (chain === undefined || ownChain.test(chain)) return false;
    const target = / -[jg] (\S+)/.exec(line)?.[1] ?? '';
    return ownChain.test(target) || /--comment "?cali:/.test(line);
  });
  return [
    ...jumps.map((line) => line.replace(/^-A /, '-D ')),
    ...chains.map((name) => `-F ${name}`),
    ...chains.map((name) => `-X ${name}`),
  ];
}

async function sweepIptables(namespace: Namespace | undefined): Promise<readonly string[]> {
  const removed: string[] = [];
  const present = await tablesWithRules(namespace);
  for (const { version, variant, table } of present) {
    const tables = iptables(version, variant);
    const commands = removalOf(await inHost(namespace, () => tables.save(table)));
    if (commands.length === 0) continue;
    await inHost(namespace, () => tables.restore(`*${table}\n${commands.join('\n')}\nCOMMIT\n`));
    removed.push(`IPv${version} iptables-${variant} table ${table}`);
  }
  if (present.length === 0) return removed;
  const sets = await inHost(namespace, () => readIpsets()).catch(() => new Map());
  const ours = [...sets.keys()].filter((name) => ownSet.test(name));
  if (ours.length > 0) {
    await inHost(namespace, () => restoreIpsets(ours.map((name) => `destroy ${name}`)));
    removed.push(`${ours.length} ipsets`);
  }
  return removed;
}

interface PresentTable {
  readonly version: IpVersion;
  readonly variant: IptablesVariant;
  readonly table: IptablesTable;
}

/** Tables that may hold chains of ours, found without loading a module and without starting a program. */
async function tablesWithRules(namespace: Namespace | undefined): Promise<readonly PresentTable[]> {
  const found: PresentTable[] = [];
  for (const version of [4, 6] as const) {
    const names = inHost(namespace, () => readNames(version === 4 ? 'ip_tables_names' : 'ip6_tables_names'));
    for (const table of tableNames)
      if (names.includes(table)) found.push({ version, variant: 'legacy', table });
  }
  const nft = new NftContext(namespace ? { namespace } : {});
  try {
    for (const object of await nft.list('list chains', { terse: true })) {
      const chain = object['chain'] as { family?: string; table?: string; name?: string } | undefined;
      const table = tableNames.find((name) => name === chain?.table);
      if (!table || !ownChain.test(chain?.name ?? '')) continue;
      const version = chain?.family === 'ip' ? 4 : chain?.family === 'ip6' ? 6 : undefined;
      if (
        version === undefined ||
        found.some((one) => one.variant === 'nft' && one.version === version && one.table === table)
      )
        continue;
      found.push({ version, variant: 'nft', table });
    }
  } finally {
    nft.close();
  }
  return found;
}

function readNames(file: string): readonly string[] {
  try {
    return readFileSync(`/proc/thread-self/net/${file}`, 'utf8').split('\n');
  } catch {
    // No such file: the module is not loaded, so nothing of ours is in it.
    return [];
  }
}

async function sweepNftables(namespace: Namespace | undefined): Promise<readonly string[]> {
  const nft = new NftContext(namespace ? { namespace } : {});
  const removed: string[] = [];
  try {
    const ours = new Set(['ip calico', 'ip6 calico', 'arp calico-arp']);
    for (const object of await nft.list('list tables')) {
      const table = object['table'] as { family?: string; name?: string } | undefined;
      const name = `${table?.family} ${table?.name}`;
      if (!table || !ours.has(name)) continue;
      await nft.runAsync(`delete table ${name}`);
      removed.push(`nftables table ${name}`);
    }
  } finally {
    nft.close();
  }
  return removed;
}
