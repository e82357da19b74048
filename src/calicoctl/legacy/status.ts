/** `calicoctl status`. */
import type { FamilyStatus } from '../../bgp/index.ts';
import { ClientError } from '../client/errors.ts';
import type { Ctl } from '../command.ts';
import { isCalicoNode, readStatus } from '../commands/node/status.ts';
import { type LegacyCommand, legacyFailure, withStore } from './legacy-command.ts';
import { prettyTable } from './pretty-table.ts';

const peerTypes: Readonly<Record<string, string>> = {
  Mesh: 'node-to-node mesh',
  Global: 'global',
  Node: 'node specific',
};

/** See the module's comment. */
export const statusCommand: LegacyCommand = {
  usage: 'status [--runtime=<RUNTIME>]',
  today: 'node status',
  async run(_args, ctl) {
    const host = await ctl.io.host();
    if (!host.isRoot) {
      ctl.io.stderr('This command must be run as root.\n');
      return 2;
    }
    const processes = host.processes();
    const agent = processes.find(isCalicoNode);
    if (!agent) throw legacyFailure('calico-node container not running');
    ctl.io.stdout('calico-node container is running. Status: Up\n');
    const { ipv4, ipv6 } = await readStatus(host, processes);
    const addresses = await ownAddresses(ctl, ctl.io.env['NODENAME'] ?? host.hostname);
    ctl.io.stdout(`\nIPv4 BGP status\n${addresses.v4}${family(ipv4, 4)}`);
    ctl.io.stdout(`\nIPv6 BGP status\n${addresses.v6}${addresses.hasV6 ? family(ipv6, 6) : ''}\n`);
    return undefined;
  },
};

async function ownAddresses(ctl: Ctl, name: string) {
  try {
    return await withStore(ctl, async (client) => {
      const { spec } = await client.get({ kind: 'Node', name });
      const bgp = (spec['bgp'] ?? {}) as Readonly<Record<string, unknown>>;
      const as = bgp['asNumber'] ?? `${await inheritedAs(client)} (inherited)`;
      const line = (address: unknown, version: number): string =>
        typeof address === 'string'
          ? `IP: ${address.replace(/\/\d+$/, '')}    AS Number: ${as}\n`
          : `No IPv${version} address configured.\n`;
      return {
        v4: line(bgp['ipv4Address'], 4),
        v6: line(bgp['ipv6Address'], 6),
        hasV6: typeof bgp['ipv6Address'] === 'string',
      };
    });
  } catch (error) {
    if (!(error instanceof ClientError)) ctl.io.stdout('Error connecting to etcd.\n');
    const unknown = 'IP: unknown    AS Number: unknown\n';
    return { v4: unknown, v6: 'No IPv6 address configured.\n', hasV6: false };
  }
}

async function inheritedAs(client: Parameters<Parameters<typeof withStore>[1]>[0]): Promise<string> {
  const { clusterAsNumber } = await import('../output/tables.ts');
  return await clusterAsNumber(client);
}

function family(status: FamilyStatus, version: 4 | 6): string {
  if (status.kind !== 'sessions') return "Couldn't connect to bird. Try running as root.\n";
  const rows = status.protocols.flatMap((row) => {
    const [, kind = '', rest = ''] = /^(Global|Node|Mesh)_(.+)$/.exec(row.name) ?? [];
    if (row.proto !== 'BGP' || kind === '') return [];
    const address = rest.replaceAll('_', version === 4 ? '.' : ':');
    return [
      [address, peerTypes[kind] ?? '', row.state, row.since, [row.bgpState, row.reason].join(' ').trim()],
    ];
  });
  return prettyTable(['Peer address', 'Peer type', 'State', 'Since', 'Info'], rows);
}
