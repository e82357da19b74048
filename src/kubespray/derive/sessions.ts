/** BGP sessions that the resources of a plan bring about, and the routers outside. */
import type { Resource } from '../../resources/index.ts';
import { matchesLabels, parseSelector } from '../../selector/index.ts';
import type { BorderRouter, HostPlan, SessionPlan } from '../cluster-plan.ts';
import type { ClusterSettings } from './settings.ts';

type SessionHost = Pick<
  HostPlan,
  'name' | 'nodeName' | 'address' | 'asNumber' | 'clusterId' | 'labels' | 'runsNode'
>;

type PeerSpec = {
  readonly node?: string;
  readonly nodeSelector?: string;
  readonly peerSelector?: string;
  readonly peerIP?: string;
  readonly asNumber?: number;
};

function reflection(host: SessionHost, peer: SessionHost): SessionPlan['reflection'] {
  const [a, b] = [host.clusterId, peer.clusterId];
  // Reflectors of one cluster are ordinary peers of each other.
  if (a !== null && b !== null) return a === b ? 'none' : 'both-reflect';
  if (a !== null) return 'host-reflects';
  return b === null ? 'none' : 'peer-reflects';
}

/** Every session once. Linear in their number. */
export function planSessions(
  settings: Pick<ClusterSettings, 'backend' | 'mesh'>,
  hosts: readonly SessionHost[],
  peers: readonly Resource[],
): { readonly sessions: readonly SessionPlan[]; readonly routers: readonly BorderRouter[] } {
  const sessions: SessionPlan[] = [];
  const routers = new Map<string, { address: string; asNumber: number; hosts: string[] }>();
  if (settings.backend !== 'bird') return { sessions, routers: [] };
  const nodes = hosts.filter((host) => host.runsNode);
  const position = new Map(nodes.map((host, index) => [host.name, index]));
  const inside = new Set<number>();
  const seen = new Set<string>();
  const between = (a: SessionHost, b: SessionHost, via: string) => {
    if (a.name === b.name) return;
    const ordered = (position.get(a.name) ?? 0) < (position.get(b.name) ?? 0);
    const [host, peer] = ordered ? [a, b] : [b, a];
    const key = (position.get(host.name) ?? 0) * nodes.length + (position.get(peer.name) ?? 0);
    if (inside.has(key)) return;
    inside.add(key);
    sessions.push({
      host: host.name,
      hostAddress: host.address,
      hostAs: host.asNumber,
      peer: peer.name,
      peerAddress: peer.address,
      peerAs: peer.asNumber,
      via,
      reflection: reflection(host, peer),
    });
  };
  if (settings.mesh) {
    // A node with a cluster id takes no part in the mesh.
    const members = nodes.filter((host) => host.clusterId === null);
    for (let at = 0; at < members.length; at++)
      for (const other of members.slice(at + 1)) {
        const host = members[at];
        if (host) between(host, other, 'mesh');
      }
  }
  for (const { metadata, spec } of peers) {
    const { node, nodeSelector, peerSelector, peerIP, asNumber } = spec as PeerSpec;
    const from =
      node === undefined ? select(nodes, nodeSelector) : nodes.filter((host) => host.nodeName === node);
    if (peerSelector !== undefined) {
      const to = select(nodes, peerSelector);
      for (const a of from) for (const b of to) between(a, b, metadata.name);
      continue;
    }
    if (peerIP === undefined || asNumber === undefined) continue;
    const member = nodes.find((host) => host.address === peerIP);
    for (const host of from) {
      if (member) {
        between(host, member, metadata.name);
        continue;
      }
      const key = `${host.name} ${peerIP}`;
      if (seen.has(key)) continue;
      seen.add(key);
      sessions.push({
        host: host.name,
        hostAddress: host.address,
        hostAs: host.asNumber,
        peer: null,
        peerAddress: peerIP,
        peerAs: asNumber,
        via: metadata.name,
        reflection: 'none',
      });
      const router = routers.get(peerIP) ?? { address: peerIP, asNumber, hosts: [] };
      router.hosts.push(host.name);
      routers.set(peerIP, router);
    }
  }
  return { sessions, routers: [...routers.values()] };
}

function select(nodes: readonly SessionHost[], selector: string | undefined): readonly SessionHost[] {
  if (selector === undefined) return nodes;
  const parsed = parseSelector(selector);
  return nodes.filter((host) => matchesLabels(parsed, host.labels));
}
