import { field, integer, list, protocol, required, string, struct, type TypeOf } from '../schema.ts';

const int64 = integer('int64');

/** Spec of a WorkloadEndpoint; upstream: libcalico-go/lib/apis/internalapi/workloadendpoint.go. */
export const workloadEndpointSpec = struct('WorkloadEndpointSpec', {
  orchestrator: field(string, { rule: 'name' }),
  workload: field(string, { rule: 'name' }),
  node: field(string, { rule: 'name' }),
  containerID: field(string, { rule: 'containerID' }),
  pod: field(string, { rule: 'name' }),
  endpoint: field(string, { rule: 'name' }),
  serviceAccountName: field(string, { since: 19 }),
  ipNetworks: field(list(string)),
  ipNATs: field(
    list(
      struct('IPNAT', {
        internalIP: required(string, { rule: 'ip' }),
        externalIP: required(string, { rule: 'ip' }),
      }),
    ),
  ),
  ipv4Gateway: field(string, { rule: 'ipv4' }),
  ipv6Gateway: field(string, { rule: 'ipv6' }),
  profiles: field(list(string, 'name')),
  interfaceName: required(string, { rule: 'interface', mandatory: true }),
  mac: field(string, { rule: 'mac' }),
  ports: field(
    list(
      struct('WorkloadEndpointPort', {
        name: field(string, { zero: ['v3.32'], rule: 'portName' }),
        protocol: required(protocol),
        port: required(integer('uint16'), { rule: 'gt=0', mandatory: true }),
        hostPort: field(integer('uint16'), { since: 21, zero: ['v3.32'] }),
        hostIP: field(string, { since: 21, zero: ['v3.32'] }),
      }),
    ),
  ),
  allowSpoofedSourcePrefixes: field(list(string, 'cidr'), { since: 23 }),
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
      dscp: field(integer('uint8'), { pointer: true, go: 'DSCP' }),
    }),
    { pointer: true, go: 'QoSControls', since: 30 },
  ),
});

/** See {@link workloadEndpointSpec}. */
export type WorkloadEndpointSpec = TypeOf<typeof workloadEndpointSpec>;
