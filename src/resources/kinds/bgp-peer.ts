import {
  asNumber,
  boolean,
  duration,
  field,
  integer,
  list,
  oneOf,
  string,
  struct,
  type TypeOf,
} from '../schema.ts';
import { secretKeyRef } from './bgp-configuration.ts';

/** Spec of a BGPPeer; upstream: api/pkg/apis/projectcalico/v3/bgppeer.go. */
export const bgpPeerSpec = struct('BGPPeerSpec', {
  node: field(string, { rule: 'name' }),
  nodeSelector: field(string, { rule: 'selector' }),
  /** `IP`, `v4:port` or `[v6]:port`. */
  peerIP: field(string, { rule: 'ip|IP:port', zero: ['v3.15'] }),
  asNumber: field(asNumber, { zero: ['v3.15'] }),
  peerSelector: field(string, { rule: 'selector' }),
  keepOriginalNextHop: field(boolean, { since: 16 }),
  nextHopMode: field(oneOf(['Auto', 'Self', 'Keep'], 'v3.NextHopMode'), { pointer: true, since: 31 }),
  password: field(struct('BGPPassword', { secretKeyRef: field(secretKeyRef, { pointer: true }) }), {
    pointer: true,
    since: 16,
  }),
  sourceAddress: field(oneOf(['UseNodeIP', 'None'], 'v3.SourceAddress'), {
    since: 18,
    rule: 'sourceAddress',
  }),
  maxRestartTime: field(duration, { pointer: true, since: 20 }),
  numAllowedLocalASNumbers: field(integer('int32'), { pointer: true, since: 23 }),
  ttlSecurity: field(integer('uint8'), { pointer: true, go: 'TTLSecurity', since: 25 }),
  keepaliveTime: field(duration, { pointer: true, since: 32 }),
  reachableBy: field(string, { since: 25, rule: 'reachableBy' }),
  filters: field(list(string), { since: 26 }),
  localWorkloadSelector: field(string, { since: 30, rule: 'selector' }),
  localASNumber: field(asNumber, { pointer: true, since: 31 }),
  reversePeering: field(oneOf(['Auto', 'Manual'], 'v3.ReversePeering'), { pointer: true, since: 31 }),
});

/** See {@link bgpPeerSpec}. */
export type BGPPeerSpec = TypeOf<typeof bgpPeerSpec>;
