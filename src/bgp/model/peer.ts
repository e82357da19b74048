/** A BGPPeer as a typed value. */
import { type Address, formatAddress, type IpVersion, tryParseAddress } from '../../ip/index.ts';
import type { BGPPeerSpec } from '../../resources/index.ts';
import { type Selector, tryParseSelector } from '../../selector/index.ts';
import { tryParseAsNumber } from './as-number.ts';
import { tryParseSeconds } from './duration.ts';
import type { SecretRef } from './state.ts';

/** Where the nodes of one end of a BGPPeer come from. */
export type NodeSet =
  | { readonly kind: 'all' }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'selector'; readonly text: string; readonly selector: Selector };

/** The far end. */
export type Remote =
  | {
      readonly kind: 'address';
      readonly ip: string;
      readonly version: IpVersion;
      readonly port?: number;
      readonly asNumber: number;
      readonly reachableBy?: string;
    }
  | { readonly kind: 'nodes'; readonly set: NodeSet };

/** Options that both ends of a peering have. */
export interface PeerOptions {
  readonly password?: SecretRef;
  readonly sourceAddress: boolean;
  readonly restartTime?: number;
  readonly keepaliveTime?: number;
  /** Greatest distance in hops, enforced by TTL; `undefined`: any, not enforced. */
  readonly ttlSecurity?: number;
  readonly nextHop: 'auto' | 'self' | 'keep' | 'keep-ebgp';
  readonly filters: readonly string[];
}

/** A BGPPeer. */
export interface BgpPeer extends PeerOptions {
  readonly name: string;
  /** The nodes that have the session; `all` makes it a global peer. */
  readonly local: NodeSet;
  readonly remote: Remote;
  readonly reverse: boolean;
  /** Only towards an address. */
  readonly localAS?: number;
  readonly allowLocalAS?: number;
}

/** Most seconds that fit into the restart time of an OPEN message. */
export const longestRestart = 4095;

const longestKeepalive = 65535;

/** Reads a spec; text is the reason why the peer cannot be used. */
export function parsePeer(name: string, spec: BGPPeerSpec): BgpPeer | string {
  if (spec.node && spec.nodeSelector) return 'node and nodeSelector exclude each other';
  if (spec.localWorkloadSelector)
    return 'localWorkloadSelector is not supported: sessions to local workloads are not set up';
  const local: NodeSet | string = spec.node
    ? { kind: 'name', name: spec.node }
    : spec.nodeSelector
      ? nodesOf(spec.nodeSelector)
      : { kind: 'all' };
  if (typeof local === 'string') return local;
  const remote = parseRemote(spec);
  if (typeof remote === 'string') return remote;
  const restartTime = seconds(spec.maxRestartTime);
  const keepaliveTime = seconds(spec.keepaliveTime);
  if (Number.isNaN(restartTime)) return `maxRestartTime ${spec.maxRestartTime} is not a duration`;
  if (Number.isNaN(keepaliveTime)) return `keepaliveTime ${spec.keepaliveTime} is not a duration`;
  if ((restartTime ?? 0) > longestRestart) return `maxRestartTime is longer than ${longestRestart} s`;
  if ((keepaliveTime ?? 0) > longestKeepalive) return `keepaliveTime is longer than ${longestKeepalive} s`;
  const toAddress = remote.kind === 'address';
  const password = spec.password?.secretKeyRef;
  const localAS = toAddress ? tryParseAsNumber(spec.localASNumber) : undefined;
  return {
    name,
    local,
    remote,
    reverse: spec.reversePeering !== 'Manual',
    sourceAddress: spec.sourceAddress !== 'None',
    nextHop: nextHopOf(spec),
    filters: spec.filters ?? [],
    ...(password?.name && password.key && { password: { name: password.name, key: password.key } }),
    ...(restartTime !== undefined && { restartTime }),
    ...(keepaliveTime !== undefined && { keepaliveTime }),
    ...(spec.ttlSecurity && { ttlSecurity: spec.ttlSecurity }),
    ...(localAS && { localAS }),
    ...(toAddress &&
      spec.numAllowedLocalASNumbers !== undefined &&
      spec.numAllowedLocalASNumbers > 0 && { allowLocalAS: spec.numAllowedLocalASNumbers }),
  };
}

function nextHopOf(spec: BGPPeerSpec): PeerOptions['nextHop'] {
  switch (spec.nextHopMode) {
    case 'Self':
      return 'self';
    case 'Keep':
      return 'keep';
    case 'Auto':
      return 'auto';
    default:
      return spec.keepOriginalNextHop ? 'keep-ebgp' : 'auto';
  }
}

function seconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : (tryParseSeconds(text) ?? Number.NaN);
}

function nodesOf(text: string): NodeSet | string {
  const selector = tryParseSelector(text);
  if ('problem' in selector) return `selector ${JSON.stringify(text)} is not valid: ${selector.problem}`;
  return { kind: 'selector', text, selector };
}

function parseRemote(spec: BGPPeerSpec): Remote | string {
  if (spec.peerSelector) {
    if (spec.peerIP) return 'peerIP and peerSelector exclude each other';
    const set = nodesOf(spec.peerSelector);
    return typeof set === 'string' ? set : { kind: 'nodes', set };
  }
  if (!spec.peerIP) return 'neither peerIP nor peerSelector is set';
  const endpoint = parseEndpoint(spec.peerIP);
  if (!endpoint) return `peerIP ${JSON.stringify(spec.peerIP)} is not an address`;
  const asNumber = tryParseAsNumber(spec.asNumber);
  if (!asNumber) return 'asNumber is not set: a session needs the AS number of the far end';
  const gateway = spec.reachableBy ? tryParseAddress(spec.reachableBy) : undefined;
  if (spec.reachableBy && gateway?.version !== endpoint.version)
    return `reachableBy ${JSON.stringify(spec.reachableBy)} is not an IPv${endpoint.version} address`;
  return {
    kind: 'address',
    ...endpoint,
    asNumber,
    ...(gateway && { reachableBy: formatAddress(gateway) }),
  };
}

/** Reads `IP`, `IPv4:port` or `[IPv6]:port`. */
function parseEndpoint(text: string): { ip: string; version: IpVersion; port?: number } | undefined {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = tryParseAddress(v6 ?? v4 ?? text);
  if (!address || !isUnicast(address) || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) return undefined;
  return {
    ip: formatAddress(address),
    version: address.version,
    ...(port !== undefined && { port: Number(port) }),
  };
}

/** Whether an address can be a peer's: not unspecified, not multicast, not broadcast. */
export function isUnicast(address: Address): boolean {
  if (address.value === 0n) return false;
  return address.version === 4 ? address.value < 0xe0000000n : address.value >> 120n !== 0xffn;
}
