/** BGP sessions of both networks, by address: names change in an upgrade, sessions must not. Pure but for reading the v3 store. */
import { loadCluster, modelOfCluster, PeeringGraph, proveReachability } from '../../bgp/index.ts';
import type { Datastore } from '../../datastore/port.ts';
import { formatAddress, tryParseAddress } from '../../ip/index.ts';
import { directoryAt, treeOf, type V2Dump } from '../../upgrade/index.ts';
import type { Deviation } from './rehearse.ts';
import { json } from './v2-network.ts';

/** Compares sessions; says what v3's proof of reachability finds only if they differ. */
export async function compareBgp(
  dump: V2Dump,
  store: Datastore,
): Promise<{ readonly deviations: readonly Deviation[]; readonly count: number }> {
  const before = v2Sessions(dump);
  const state = await loadCluster(store);
  const peerings = [...new PeeringGraph(state).all()];
  const after = new Map<string, string>();
  for (const { node, sessions } of peerings) {
    const own = state.nodes.get(node);
    for (const { version, peerIP, peerAS, localAS, reason } of sessions) {
      const address = version === 4 ? own?.ipv4?.ip : own?.ipv6?.ip;
      const object = reason.kind === 'mesh' ? `Node ${node} (mesh)` : `BGPPeer ${reason.peer}`;
      after.set(sessionText(address ?? '', localAS, peerIP, peerAS), object);
    }
  }
  const deviations = [
    ...grouped(before, after, (session, key) => `lost: ${session}, which v2 has because of ${key}`),
    ...grouped(after, before, (session, object) => `new: ${session}, which v3 has because of ${object}`),
  ];
  if (deviations.length > 0) {
    for (const { receiver, missing, examples } of proveReachability(modelOfCluster(state, peerings).model)
      .losses)
      deviations.push({
        about: 'session',
        text: `${receiver} would not learn the pods of ${missing} hosts (${examples.join(', ')})`,
        because: [receiver],
        more: 0,
      });
  }
  return { deviations, count: before.size };
}

/** Sessions that only one side has, one deviation for each cause. */
function grouped(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  say: (session: string, cause: string) => string,
): readonly Deviation[] {
  const found = new Map<string, Deviation>();
  for (const [session, cause] of one) {
    if (other.has(session)) continue;
    const known = found.get(cause);
    found.set(
      cause,
      known
        ? { ...known, more: known.more + 1 }
        : { about: 'session', text: say(session, cause), because: [cause], more: 0 },
    );
  }
  return [...found.values()];
}

function sessionText(own: string, as: number, peer: string, peerAS: number): string {
  return `${own} AS ${as} → ${peer} AS ${peerAS}`;
}

/** Sessions as confd's templates of v2.6 make them, and the key that causes each. */
function v2Sessions(dump: V2Dump): ReadonlyMap<string, string> {
  const tree = treeOf(dump);
  const global = directoryAt(tree, 'calico', 'bgp', 'v1', 'global');
  const globalAS = asNumber(global.values.get('as_num')) ?? 64_512;
  const mesh = global.values.get('node_mesh');
  const meshed = mesh === undefined || json(mesh)['enabled'] === true;
  const hosts = [...directoryAt(tree, 'calico', 'bgp', 'v1', 'host').directories].map(
    ([name, directory]) => ({
      name,
      directory,
      as: asNumber(directory.values.get('as_num')) ?? globalAS,
    }),
  );
  const sessions = new Map<string, string>();
  for (const family of ['v4', 'v6'] as const) {
    const addresses = hosts.flatMap((host) => {
      const address = tryParseAddress(host.directory.values.get(`ip_addr_${family}`) ?? '');
      return address ? [{ ...host, ip: formatAddress(address) }] : [];
    });
    for (const own of addresses) {
      const others = addresses.filter(({ ip }) => ip !== own.ip);
      if (meshed)
        for (const { name, ip, as } of others)
          sessions.set(sessionText(own.ip, own.as, ip, as), `/calico/bgp/v1/host/${name}/ip_addr_${family}`);
      for (const [base, directory] of [
        ['/calico/bgp/v1/global', global],
        [`/calico/bgp/v1/host/${own.name}`, own.directory],
      ] as const) {
        for (const [key, value] of directoryAt(directory, `peer_${family}`).values) {
          const peer = json(value);
          const address = tryParseAddress(String(peer['ip'] ?? ''));
          const as = asNumber(String(peer['as_num'] ?? ''));
          if (!address || as === undefined || formatAddress(address) === own.ip) continue;
          sessions.set(
            sessionText(own.ip, own.as, formatAddress(address), as),
            `${base}/peer_${family}/${key}`,
          );
        }
      }
    }
  }
  return sessions;
}

/** Plain or dotted; empty is none. */
function asNumber(text: string | undefined): number | undefined {
  const dotted = /^(\d+)\.(\d+)$/.exec(text ?? '');
  if (dotted) return Number(dotted[1]) * 65_536 + Number(dotted[2]);
  return /^\d+$/.test(text ?? '') ? Number(text) : undefined;
}
