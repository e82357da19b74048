/** `calicoctl bgp …` and `calicoctl node bgp …`. */
import { formatAddress, tryParseAddress } from '../../ip/index.ts';
import { apiVersion, parseAsNumber, type Resource } from '../../resources/index.ts';
import { applyResource, updateResource } from '../client/actions.ts';
import type { ResourceClient } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import type { Ctl } from '../command.ts';
import { type Args, flagArg, textArg } from '../grammar/docopt.ts';
import { clusterAsNumber } from '../output/tables.ts';
import { type LegacyCommand, legacyFailure, sortedRows, withStore } from './legacy-command.ts';
import { prettyTable } from './pretty-table.ts';

/** The node whose peers `node bgp` is about; `undefined`: those of all nodes. */
type Scope = { readonly node: string | undefined };

async function scopeOf(own: boolean, ctl: Ctl): Promise<Scope> {
  return { node: own ? (ctl.io.env['NODENAME'] ?? (await ctl.io.host()).hostname) : undefined };
}

function inScope(peer: Resource, { node }: Scope): boolean {
  const { spec } = peer;
  if (!spec['peerIP']) return false;
  return node === undefined ? !spec['node'] && !spec['nodeSelector'] : spec['node'] === node;
}

function peerCommands(prefix: string, own: boolean): readonly LegacyCommand[] {
  return [
    {
      usage: `${prefix} peer show [--ipv4 | --ipv6]`,
      today: 'get bgppeer',
      async run(args, ctl) {
        const scope = await scopeOf(own, ctl);
        const peers = await withStore(ctl, async (client) => (await client.list('BGPPeer')).items);
        for (const version of [4, 6] as const) {
          if (flagArg(args, version === 4 ? '--ipv6' : '--ipv4')) continue;
          const rows = peers
            .filter(
              (peer) =>
                inScope(peer, scope) && String(peer.spec['peerIP']).includes('::') === (version === 6),
            )
            .map((peer) => [String(peer.spec['peerIP']), String(peer.spec['asNumber'] ?? '')]);
          ctl.io.stdout(peersText(rows, version, own));
        }
        return undefined;
      },
    },
    {
      usage: `${prefix} peer add <PEER_IP> as <AS_NUM>`,
      today: 'apply -f <file with a BGPPeer>',
      async run(args, ctl) {
        const ip = requireIp(args);
        const as = parseAsNumber(textArg(args, '<AS_NUM>') ?? '');
        if (typeof as !== 'number') throw legacyFailure('Invalid AS Number specified.');
        const { node } = await scopeOf(own, ctl);
        const slug = ip.replace(/[.:]+/g, '-');
        await withStore(ctl, (client) =>
          applyResource(client, {
            apiVersion,
            kind: 'BGPPeer',
            metadata: { name: node === undefined ? `global-${slug}` : `${node}-${slug}` },
            spec: { peerIP: ip, asNumber: as, ...(node === undefined ? {} : { node }) },
          }),
        );
        return undefined;
      },
    },
    {
      usage: `${prefix} peer remove <PEER_IP>`,
      today: 'delete bgppeer <name>',
      async run(args, ctl) {
        const ip = requireIp(args);
        const scope = await scopeOf(own, ctl);
        await withStore(ctl, async (client) => {
          const found = (await client.list('BGPPeer')).items.filter(
            (peer) => inScope(peer, scope) && peer.spec['peerIP'] === ip,
          );
          if (found.length === 0) {
            throw legacyFailure(
              own
                ? `${ip} is not a configured peer for this node.`
                : `${ip} is not a globally configured peer.`,
            );
          }
          for (const peer of found) await client.delete({ kind: 'BGPPeer', name: peer.metadata.name });
        });
        ctl.io.stdout(`BGP peer removed from ${own ? 'node' : 'global'} configuration\n`);
        return undefined;
      },
    },
  ];
}

function requireIp(args: Args): string {
  const address = tryParseAddress(textArg(args, '<PEER_IP>') ?? '');
  if (!address) throw legacyFailure('Invalid IP address specified.');
  return formatAddress(address);
}

function peersText(rows: readonly (readonly string[])[], version: 4 | 6, own: boolean): string {
  if (rows.length === 0) {
    return own
      ? `No IPv${version} BGP Peers defined for this node.\n\n`
      : `No global IPv${version} BGP Peers defined.\n\n`;
  }
  const heading = own ? `Node specific IPv${version} BGP Peer` : `Global IPv${version} BGP Peer`;
  return `${prettyTable([heading, 'AS Num'], sortedRows(rows), { align: 'left' })}\n`;
}

/** Reads and changes BGPConfiguration `default`, which need not exist. */
export async function changeBgpConfiguration(
  client: ResourceClient,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    const current = await client.get({ kind: 'BGPConfiguration', name: 'default' });
    await updateResource(client, { ...current, spec: { ...current.spec, ...change } });
  } catch (error) {
    if (!(error instanceof ClientError && error.class === 'not-found')) throw error;
    await client.create({
      apiVersion,
      kind: 'BGPConfiguration',
      metadata: { name: 'default' },
      spec: change,
    });
  }
}

async function meshState(client: ResourceClient): Promise<string> {
  try {
    const { spec } = await client.get({ kind: 'BGPConfiguration', name: 'default' });
    return spec['nodeToNodeMeshEnabled'] === false ? 'off' : 'on';
  } catch (error) {
    if (error instanceof ClientError && error.class === 'not-found') return 'on';
    throw error;
  }
}

/** See the module's comment. */
export const bgpCommands: readonly LegacyCommand[] = [
  ...peerCommands('bgp', false),
  ...peerCommands('node bgp', true),
  {
    usage: 'bgp node-mesh [<STATE>]',
    today: 'get bgpconfig default',
    async run(args, ctl) {
      const state = textArg(args, '<STATE>');
      if (state !== undefined && state !== 'on' && state !== 'off') {
        throw legacyFailure(`Invalid state ${state}: use on or off`);
      }
      await withStore(ctl, async (client) => {
        if (state === undefined) ctl.io.stdout(`${await meshState(client)}\n`);
        else await changeBgpConfiguration(client, { nodeToNodeMeshEnabled: state === 'on' });
      });
      return undefined;
    },
  },
  {
    usage: 'bgp default-node-as [<AS_NUM>]',
    today: 'get bgpconfig default',
    async run(args, ctl) {
      const given = textArg(args, '<AS_NUM>');
      const as = given === undefined ? undefined : parseAsNumber(given);
      if (as !== undefined && typeof as !== 'number') throw legacyFailure('Invalid AS Number specified.');
      await withStore(ctl, async (client) => {
        if (as === undefined) ctl.io.stdout(`${await clusterAsNumber(client)}\n`);
        else await changeBgpConfiguration(client, { asNumber: as });
      });
      return undefined;
    },
  },
];
