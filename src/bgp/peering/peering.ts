/** Who peers with whom, and why: from the state of a cluster to the sessions of a node. */
import type { BgpPeer } from '../model/peer.ts';
import {
  addressOf,
  type BgpNode,
  type BgpState,
  families,
  listenPortOf,
  type Problem,
} from '../model/state.ts';
import { explicitEntries, type PeerEntry } from './explicit.ts';
import { NodeIndex } from './node-index.ts';
import { type Session, sessionName } from './session.ts';

/** Sessions of a node, sorted by name. */
export interface NodePeering {
  readonly node: string;
  readonly sessions: readonly Session[];
  /** What was left out and why, beyond objects that could not be read. */
  readonly problems: readonly Problem[];
}

/** Work shared by the nodes of one state. Make a new one when the state changed. */
export class PeeringGraph {
  readonly #state: BgpState;
  readonly #index: NodeIndex;
  readonly #peers: readonly BgpPeer[];

  constructor(state: BgpState) {
    this.#state = state;
    this.#index = new NodeIndex(state);
    this.#peers = [...state.peers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The sessions of a node. Work is proportional to their number and that of the BGPPeers. */
  of(name: string): NodePeering {
    const state = this.#state;
    const self = state.nodes.get(name);
    if (!self) return { node: name, sessions: [], problems: [] };
    const problems: Problem[] = [...this.#index.duplicates];
    const sessions = new Map<string, Session>();
    const explicit = new Set<string>();
    for (const entry of explicitEntries(state, this.#index, self, this.#peers)) {
      const session = explicitSession(state, self, entry);
      explicit.add(session.peerIP);
      sessions.set(session.name, session);
      for (const filter of session.filters) {
        if (!state.filters.has(filter))
          problems.push({
            object: `BGPPeer ${entry.peer.name}`,
            message: `filter ${filter} does not exist`,
          });
      }
    }
    if (state.configuration.mesh && self.clusterId === undefined) {
      for (const node of this.#index.all) {
        if (node === self || node.clusterId !== undefined) continue;
        for (const session of meshSessions(state, self, node)) {
          // A second session to the same address would stay idle for ever.
          if (!explicit.has(session.peerIP)) sessions.set(session.name, session);
        }
      }
    }
    return {
      node: name,
      sessions: [...sessions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      problems,
    };
  }

  /** The sessions of every node, in order of their names. */
  *all(): Generator<NodePeering> {
    for (const name of [...this.#state.nodes.keys()].sort()) yield this.of(name);
  }
}

/** The sessions of every node. */
export function peering(state: BgpState): ReadonlyMap<string, NodePeering> {
  return new Map([...new PeeringGraph(state).all()].map((one) => [one.node, one]));
}

function asOf(state: BgpState, node: BgpNode): number {
  return node.asNumber ?? state.configuration.asNumber;
}

function explicitSession(state: BgpState, self: BgpNode, entry: PeerEntry): Session {
  const { peer } = entry;
  const toAddress = entry.reason.kind === 'peer' && peer.remote.kind === 'address' ? peer.remote : undefined;
  const localAS = (toAddress && peer.localAS) ?? asOf(state, self);
  const type = localAS === entry.asNumber ? 'iBGP' : 'eBGP';
  const ownIP = addressOf(self, entry.version)!.ip;
  const sameCluster = entry.clusterKnown && entry.node?.clusterId === self.clusterId;
  return {
    name: sessionName(entry.kind, entry.ip, entry.port),
    kind: entry.kind,
    reason: entry.reason,
    version: entry.version,
    peerIP: entry.ip,
    port: entry.port ?? 179,
    peerNode: entry.node?.name,
    peerAS: entry.asNumber,
    localAS,
    type,
    sourceAddress: peer.sourceAddress ? ownIP : undefined,
    passive:
      entry.kind === 'global' && toAddress !== undefined && entry.node !== undefined && entry.ip > ownIP,
    ttlSecurity: peer.ttlSecurity,
    password: peer.password,
    rrClusterID: type === 'iBGP' && !sameCluster ? self.clusterId : undefined,
    nextHop: peer.nextHop === 'keep-ebgp' ? (type === 'eBGP' ? 'keep' : 'auto') : peer.nextHop,
    allowLocalAS: toAddress && peer.allowLocalAS,
    restartTime: peer.restartTime,
    keepaliveTime: peer.keepaliveTime,
    reachableBy: toAddress?.reachableBy,
    filters: peer.filters,
  };
}

function* meshSessions(state: BgpState, self: BgpNode, node: BgpNode): Generator<Session> {
  for (const version of families) {
    const own = addressOf(self, version);
    const other = addressOf(node, version);
    if (!own || !other || own.ip === other.ip) continue;
    const [localAS, peerAS] = [asOf(state, self), asOf(state, node)];
    yield {
      name: sessionName('mesh', other.ip, undefined),
      kind: 'mesh',
      reason: { kind: 'mesh' },
      version,
      peerIP: other.ip,
      port: listenPortOf(state, node.name) ?? 179,
      peerNode: node.name,
      peerAS,
      localAS,
      type: localAS === peerAS ? 'iBGP' : 'eBGP',
      sourceAddress: own.ip,
      passive: other.ip > own.ip,
      ttlSecurity: undefined,
      password: state.configuration.meshPassword,
      rrClusterID: undefined,
      nextHop: 'auto',
      allowLocalAS: undefined,
      restartTime: state.configuration.meshRestartTime,
      keepaliveTime: undefined,
      reachableBy: undefined,
      filters: [],
    };
  }
}
