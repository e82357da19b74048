/** What a host publishes about its sessions, and what that says about the cluster. */
import type { Json } from '../../datastore/port.ts';
import type { NodePeering } from '../peering/peering.ts';
import { describeReason, type Session } from '../peering/session.ts';
import type { HalfSession } from '../proof/from-state.ts';
import type { ProtocolRow } from './protocols.ts';

/** Below this every host has one key with a {@link PublishedStatus}; nobody but this project reads it. */
export const statusPrefix = '/calico/bgp-status/v1/';

/** A session as its host sees it. */
export interface PublishedSession {
  readonly name: string;
  readonly state: string;
  readonly since: string;
  readonly reason: string;
  readonly imported: number;
  readonly exported: number;
}

/** A host's report. */
export interface PublishedStatus {
  readonly node: string;
  readonly sessions: readonly PublishedSession[];
  readonly health: readonly string[];
}

/** The report made of BIRD's protocols. */
export function publishedStatus(
  node: string,
  rows: readonly ProtocolRow[],
  health: readonly string[],
): PublishedStatus {
  return {
    node,
    health,
    sessions: rows
      .filter((row) => row.proto === 'BGP')
      .map((row) => ({
        name: row.name,
        state: row.bgpState === '' ? row.state : row.bgpState,
        since: row.since,
        reason: row.reason || row.lastError || '',
        imported: row.routes?.imported ?? 0,
        exported: row.routes?.exported ?? 0,
      })),
  };
}

/** Reads a report; `undefined` when it is none. */
export function parsePublishedStatus(value: Json): PublishedStatus | undefined {
  const status = value as unknown as Partial<PublishedStatus> | null;
  return typeof status?.node === 'string' && Array.isArray(status.sessions)
    ? (status as PublishedStatus)
    : undefined;
}

/** A line of `calico bgp status`. */
export interface ClusterSession {
  readonly node: string;
  readonly peer: string;
  readonly peerAddress: string;
  readonly name: string;
  readonly type: 'iBGP' | 'eBGP';
  /** Why the session exists. */
  readonly because: string;
  /** BIRD's word; `absent` when its host's BIRD does not have it, `unknown` when the host reports nothing. */
  readonly state: string;
  readonly since: string;
  /** Why it is down; empty when it is up. */
  readonly why: string;
  readonly received: number;
  readonly sent: number;
}

/** Compares what every host should have with what it reports. */
export function compareCluster(
  peerings: readonly NodePeering[],
  reports: ReadonlyMap<string, PublishedStatus>,
  broken: readonly HalfSession[],
): readonly ClusterSession[] {
  const impossible = new Map(broken.map(({ node, session, why }) => [`${node} ${session.name}`, why]));
  return peerings.flatMap(({ node, sessions }) => {
    const report = reports.get(node);
    return sessions.map((session): ClusterSession => {
      const actual = report?.sessions.find((one) => one.name === session.name);
      const state = actual?.state ?? (report ? 'absent' : 'unknown');
      return {
        node,
        peer: session.peerNode ?? session.peerIP,
        peerAddress: session.peerIP,
        name: session.name,
        type: session.type,
        because: describeReason(session.reason),
        state,
        since: actual?.since ?? '',
        why:
          state === 'Established'
            ? ''
            : (impossible.get(`${node} ${session.name}`) ??
              whyDown(session, state, actual?.reason ?? '', report)),
        received: actual?.imported ?? 0,
        sent: actual?.exported ?? 0,
      };
    });
  });
}

/** Why a session is down, in words that say where to look. */
export function whyDown(
  session: Pick<Session, 'peerIP' | 'port' | 'peerAS' | 'localAS' | 'password'>,
  state: string,
  reason: string,
  report?: PublishedStatus,
): string {
  if (state === 'unknown')
    return 'the host reports nothing: calico-node does not run there, or cannot reach the datastore';
  if (state === 'absent') return report?.health[0] ?? 'BIRD does not have this session yet';
  const { peerIP, port } = session;
  if (/Bad peer AS/.test(reason))
    return `AS numbers do not match: this end is ${session.localAS} and expects ${session.peerAS} at ${peerIP}`;
  if (/Connection refused/.test(reason))
    return `port ${port} of ${peerIP} is closed: no BGP daemon runs there, or it does not know this address`;
  if (/No route to host|Network is unreachable|Host is unreachable/.test(reason))
    return `${peerIP} cannot be reached: no route, or the host is down`;
  if (/Administrative shutdown|Administratively/.test(reason)) return `${peerIP} shut the session down`;
  if (/Hold timer|timed out/i.test(reason)) return `${peerIP} fell silent: the host or the link is down`;
  if (/duplicate|collision/i.test(reason)) return `two connections with ${peerIP} met; it is tried again`;
  if (/Unknown|not configured|Peer de-configured|Connection rejected/i.test(reason))
    return `${peerIP} does not know this peer`;
  if (reason !== '') return reason;
  if (session.password !== undefined && (state === 'Connect' || state === 'Active' || state === 'Passive'))
    return `no answer from ${peerIP} yet; if that lasts, the password differs or a firewall drops port ${port}`;
  if (state === 'Idle') return `BIRD waits before it tries again, or has another session with ${peerIP}`;
  if (state === 'Passive') return `waits for ${peerIP} to connect`;
  return `no answer from ${peerIP} yet; if that lasts, a firewall drops port ${port} or the far end has a password`;
}
