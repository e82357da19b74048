/**
 * The sessions that BGPPeers ask for; upstream: confd/pkg/backends/calico/bgp_processor.go. Upstream walks BGPPeers in
 * random order; here the order is that of their names, so the result is always the same.
 */
import type { IpVersion } from '../../ip/index.ts';
import type { BgpPeer, Remote } from '../model/peer.ts';
import { addressOf, type BgpNode, type BgpState, families, listenPortOf } from '../model/state.ts';
import type { NodeIndex } from './node-index.ts';
import type { SessionReason } from './session.ts';

/** The far end of a session before the near end's options are worked out. */
export interface PeerEntry {
  readonly kind: 'global' | 'node';
  readonly reason: SessionReason;
  readonly peer: BgpPeer;
  readonly version: IpVersion;
  readonly ip: string;
  readonly port: number | undefined;
  readonly asNumber: number;
  /** The node at that address, if it is one. */
  readonly node: BgpNode | undefined;
  /** Named by a selector or the way back, so that its cluster id counts. */
  readonly clusterKnown: boolean;
}

/** Entries of a node, one per address and port: global ones beat those of nodes, forward ones the way back. */
export function explicitEntries(
  state: BgpState,
  index: NodeIndex,
  self: BgpNode,
  sortedPeers: readonly BgpPeer[],
): readonly PeerEntry[] {
  const entries = new Map<string, PeerEntry>();
  const own = new Set([self.ipv4?.ip, self.ipv6?.ip]);
  const add = (entry: PeerEntry) => {
    const key = `${entry.ip} ${entry.port ?? 179}`;
    if (own.has(entry.ip) || !addressOf(self, entry.version) || entries.has(key)) return;
    entries.set(key, entry);
  };
  for (const peer of sortedPeers) {
    if (peer.local.kind === 'all') forward(state, index, peer, 'global', add);
  }
  for (const peer of sortedPeers) {
    if (peer.local.kind !== 'all' && index.contains(peer.local, self))
      forward(state, index, peer, 'node', add);
  }
  for (const peer of sortedPeers) {
    if (peer.reverse) backward(state, index, self, peer, add);
  }
  return [...entries.values()];
}

function forward(
  state: BgpState,
  index: NodeIndex,
  peer: BgpPeer,
  kind: PeerEntry['kind'],
  add: (entry: PeerEntry) => void,
): void {
  const reason: SessionReason = { kind: 'peer', peer: peer.name };
  if (peer.remote.kind === 'nodes') {
    for (const node of index.members(peer.remote.set)) {
      for (const version of families) addNode(state, node, version, { kind, reason, peer }, add);
    }
    return;
  }
  const { ip, version, asNumber } = peer.remote;
  const node = nodeAt(state, index, peer.remote);
  const port = peer.remote.port ?? (node && listenPortOf(state, node.name));
  add({ kind, reason, peer, version, ip, port, asNumber, node, clusterKnown: false });
}

function backward(
  state: BgpState,
  index: NodeIndex,
  self: BgpNode,
  peer: BgpPeer,
  add: (entry: PeerEntry) => void,
): void {
  const remote = peer.remote;
  let versions: readonly IpVersion[] = families;
  if (remote.kind === 'nodes') {
    if (!index.contains(remote.set, self)) return;
  } else {
    if (!isAt(state, self, remote)) return;
    versions = [remote.version];
  }
  const reason: SessionReason = { kind: 'reverse', peer: peer.name };
  for (const node of index.members(peer.local)) {
    for (const version of versions) addNode(state, node, version, { kind: 'node', reason, peer }, add);
  }
}

function addNode(
  state: BgpState,
  node: BgpNode,
  version: IpVersion,
  common: Pick<PeerEntry, 'kind' | 'reason' | 'peer'>,
  add: (entry: PeerEntry) => void,
): void {
  const address = addressOf(node, version);
  if (!address) return;
  add({
    ...common,
    version,
    ip: address.ip,
    port: listenPortOf(state, node.name),
    asNumber: node.asNumber ?? state.configuration.asNumber,
    node,
    clusterKnown: true,
  });
}

type RemoteAddress = Extract<Remote, { kind: 'address' }>;

function nodeAt(state: BgpState, index: NodeIndex, remote: RemoteAddress): BgpNode | undefined {
  const node = index.at(remote.ip);
  return node && isAt(state, node, { ...remote, port: undefined }) ? node : undefined;
}

/** Whether a node is what a BGPPeer's address, AS number and port mean. */
function isAt(
  state: BgpState,
  node: BgpNode,
  remote: {
    readonly ip: string;
    readonly version: IpVersion;
    readonly asNumber: number;
    port?: number | undefined;
  },
): boolean {
  return (
    addressOf(node, remote.version)?.ip === remote.ip &&
    (node.asNumber ?? state.configuration.asNumber) === remote.asNumber &&
    (remote.port === undefined || remote.port === (listenPortOf(state, node.name) ?? 179))
  );
}
