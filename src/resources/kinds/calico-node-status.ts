import { field, int, integer, list, oneOf, string, struct, type TypeOf, time } from '../schema.ts';

const bird = struct('BGPDaemonStatus', {
  state: field(oneOf(['Ready', 'NotReady'], 'v3.BGPDaemonState')),
  version: field(string),
  routerID: field(string),
  lastBootTime: field(string),
  lastReconfigurationTime: field(string),
});

const peers = list(
  struct('CalicoNodePeer', {
    peerIP: field(string),
    type: field(string),
    state: field(string),
    since: field(string),
  }),
);

const routes = list(
  struct('CalicoNodeRoute', {
    type: field(string),
    destination: field(string),
    gateway: field(string),
    interface: field(string),
    learnedFrom: field(
      struct('CalicoNodeRouteLearnedFrom', { sourceType: field(string), peerIP: field(string) }),
    ),
  }),
);

/** Spec of a CalicoNodeStatus; upstream: api/pkg/apis/projectcalico/v3/caliconodestatus.go. */
export const calicoNodeStatusSpec = struct('CalicoNodeStatusSpec', {
  node: field(string),
  classes: field(list(oneOf(['Agent', 'BGP', 'Routes'], 'v3.NodeStatusClassType'))),
  updatePeriodSeconds: field(integer('uint32'), { pointer: true }),
});

/** Status of a CalicoNodeStatus. */
export const calicoNodeStatusStatus = struct('CalicoNodeStatusStatus', {
  lastUpdated: field(time, { zero: ['v3.32'] }),
  agent: field(
    struct('CalicoNodeAgentStatus', {
      birdV4: field(bird, { go: 'BIRDV4', zero: ['v3.32'] }),
      birdV6: field(bird, { go: 'BIRDV6', zero: ['v3.32'] }),
    }),
    { zero: ['v3.32'] },
  ),
  bgp: field(
    struct('CalicoNodeBGPStatus', {
      numberEstablishedV4: field(int, { zero: ['v3.32'] }),
      numberEstablishedV6: field(int, { zero: ['v3.32'] }),
      numberNotEstablishedV4: field(int, { zero: ['v3.32'] }),
      numberNotEstablishedV6: field(int, { zero: ['v3.32'] }),
      peersV4: field(peers),
      peersV6: field(peers),
    }),
    { zero: ['v3.32'] },
  ),
  routes: field(struct('CalicoNodeBGPRouteStatus', { routesV4: field(routes), routesV6: field(routes) }), {
    zero: ['v3.32'],
  }),
});

/** See {@link calicoNodeStatusSpec}. */
export type CalicoNodeStatusSpec = TypeOf<typeof calicoNodeStatusSpec>;
/** See {@link calicoNodeStatusStatus}. */
export type CalicoNodeStatusStatus = TypeOf<typeof calicoNodeStatusStatus>;
