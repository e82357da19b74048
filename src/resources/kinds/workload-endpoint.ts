import { field, integer, list, protocol, required, string, struct, type TypeOf } from '../schema.ts';

const int64 = integer('int64');

/** Spec of a WorkloadEndpoint; upstream: libcalico-go/lib/apis/internalapi/workloadendpoint.go. */
export const workloadEndpointSpec = struct('WorkloadEndpointSpec', {
  orchestrator: field(string),
  workload: field(string),
  node: field(string),
  containerID: field(string),
  pod: field(string),
  endpoint: field(string),
  serviceAccountName: field(string, { since: 19 }),
  ipNetworks: field(list(string)),
  ipNATs: field(list(struct('IPNAT', { internalIP: required(string), externalIP: required(string) }))),
  ipv4Gateway: field(string),
  ipv6Gateway: field(string),
  profiles: field(list(string)),
  interfaceName: required(string),
  mac: field(string),
  ports: field(
    list(
      struct('WorkloadEndpointPort', {
        name: field(string),
        protocol: required(protocol),
        port: required(integer('uint16')),
        hostPort: field(integer('uint16'), { since: 21 }),
        hostIP: field(string, { since: 21 }),
      }),
    ),
  ),
  allowSpoofedSourcePrefixes: field(list(string), { since: 23 }),
  qosControls: field(
    struct('QoSControls', {
      ingressBandwidth: field(int64),
      egressBandwidth: field(int64),
      ingressBurst: field(int64),
      egressBurst: field(int64),
      ingressPeakrate: field(int64),
      egressPeakrate: field(int64),
      ingressMinburst: field(int64),
      egressMinburst: field(int64),
      ingressPacketRate: field(int64),
      egressPacketRate: field(int64),
      ingressPacketBurst: field(int64),
      egressPacketBurst: field(int64),
      ingressMaxConnections: field(int64),
      egressMaxConnections: field(int64),
      dscp: field(integer('uint8')),
    }),
    { since: 30 },
  ),
});

/** See {@link workloadEndpointSpec}. */
export type WorkloadEndpointSpec = TypeOf<typeof workloadEndpointSpec>;
