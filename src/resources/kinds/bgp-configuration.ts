import {
  asNumber,
  boolean,
  duration,
  field,
  int,
  integer,
  list,
  oneOf,
  required,
  string,
  struct,
  type TypeOf,
} from '../schema.ts';

const blocks = (go: string) => list(struct(go, { cidr: required(string) }));

/** Reference to a key of a Kubernetes Secret. */
export const secretKeyRef = struct('SecretKeySelector', { name: required(string), key: required(string) });

/** Spec of a BGPConfiguration; upstream: api/pkg/apis/projectcalico/v3/bgpconfig.go. */
export const bgpConfigurationSpec = struct('BGPConfigurationSpec', {
  logSeverityScreen: field(oneOf(['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'])),
  nodeToNodeMeshEnabled: field(boolean),
  asNumber: field(asNumber),
  serviceLoadBalancerIPs: field(blocks('ServiceLoadBalancerIPBlock'), { since: 18 }),
  serviceExternalIPs: field(blocks('ServiceExternalIPBlock')),
  serviceClusterIPs: field(blocks('ServiceClusterIPBlock')),
  serviceLoadBalancerAggregation: field(oneOf(['Enabled', 'Disabled']), { since: 31 }),
  communities: field(list(struct('Community', { name: field(string), value: field(string) })), { since: 16 }),
  prefixAdvertisements: field(
    list(struct('PrefixAdvertisement', { cidr: field(string), communities: field(list(string)) })),
    { since: 16 },
  ),
  listenPort: field(integer('uint16'), { since: 16 }),
  nodeMeshPassword: field(struct('BGPPassword', { secretKeyRef: field(secretKeyRef) }), { since: 23 }),
  nodeMeshMaxRestartTime: field(duration, { since: 23 }),
  bindMode: field(oneOf(['None', 'NodeIP'], 'v3.BindMode'), { since: 23 }),
  ignoredInterfaces: field(list(string), { since: 25 }),
  localWorkloadPeeringIPV4: field(string, { since: 30 }),
  localWorkloadPeeringIPV6: field(string, { since: 30 }),
  programClusterRoutes: field(oneOf(['Enabled', 'Disabled']), { since: 31 }),
  ipv4NormalRoutePriority: field(int, { since: 32 }),
  ipv6NormalRoutePriority: field(int, { since: 32 }),
});

/** See {@link bgpConfigurationSpec}. */
export type BGPConfigurationSpec = TypeOf<typeof bgpConfigurationSpec>;
