/** A BGP session of one node, as the datastore asks for it. */
import type { IpVersion } from '../../ip/index.ts';
import type { SecretRef } from '../model/state.ts';

/** What a session's name begins with, and the type that `calicoctl node status` prints. */
export type SessionKind = 'mesh' | 'global' | 'node';

/** Why a session exists. */
export type SessionReason =
  | { readonly kind: 'mesh' }
  /** The BGPPeer selects this node. */
  | { readonly kind: 'peer'; readonly peer: string }
  /** The BGPPeer names this node as the far end, so this is the way back. */
  | { readonly kind: 'reverse'; readonly peer: string };

/** A session. */
export interface Session {
  /** Name of BIRD's protocol, unique on the node. */
  readonly name: string;
  readonly kind: SessionKind;
  readonly reason: SessionReason;
  readonly version: IpVersion;
  readonly peerIP: string;
  readonly port: number;
  /** The node at the far end; `undefined`: a router outside the cluster. */
  readonly peerNode: string | undefined;
  readonly peerAS: number;
  readonly localAS: number;
  readonly type: 'iBGP' | 'eBGP';
  readonly sourceAddress: string | undefined;
  /** Waits for the far end to connect. */
  readonly passive: boolean;
  /** Distance in hops that TTL security enforces; `undefined`: any distance. */
  readonly ttlSecurity: number | undefined;
  readonly password: SecretRef | undefined;
  /** Set: the far end is a client of this reflector. */
  readonly rrClusterID: string | undefined;
  readonly nextHop: 'auto' | 'self' | 'keep';
  readonly allowLocalAS: number | undefined;
  readonly restartTime: number | undefined;
  readonly keepaliveTime: number | undefined;
  readonly reachableBy: string | undefined;
  readonly filters: readonly string[];
}

/** Says why a session exists, for people. */
export function describeReason(reason: SessionReason): string {
  switch (reason.kind) {
    case 'mesh':
      return 'node-to-node mesh';
    case 'peer':
      return `BGPPeer ${reason.peer}`;
    case 'reverse':
      return `BGPPeer ${reason.peer}, seen from its far end`;
  }
}

/** Name of the protocol of a session. */
export function sessionName(kind: SessionKind, ip: string, port: number | undefined): string {
  const prefix = { mesh: 'Mesh', global: 'Global', node: 'Node' }[kind];
  const suffix = port === undefined || port === 179 ? '' : `_port_${port}`;
  return `${prefix}_${ip.replace(/[.:]/g, '_')}${suffix}`;
}
