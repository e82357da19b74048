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

const blocks = (go: string) =>
  list(struct(go, { cidr: required(string, { rule: 'net', crd: { format: 'cidr' } }) }));

const routePriority = {
  since: 32,
  pointer: true,
  rule: 'gte=1,lte=2147483646',
  crd: { min: 1, max: 2147483646 },
} as const;

/** Reference to a key of a Kubernetes Secret. */
export const secretKeyRef = struct('SecretKeySelector', { name: required(string), key: required(string) });

/** Spec of a BGPConfiguration; upstream: api/pkg/apis/projectcalico/v3/bgpconfig.go. */
export const bgpConfigurationSpec = struct('BGPConfigurationSpec', {
  logSeverityScreen: field(oneOf(['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal']), {
    rule: 'logLevel',
    crd: { pattern: '^(?i)(Trace|Debug|Info|Warning|Error|Fatal)?$' },
  }),
  nodeToNodeMeshEnabled: field(boolean, { pointer: true }),
  asNumber: field(asNumber, { pointer: true }),
  serviceLoadBalancerIPs: field(blocks('ServiceLoadBalancerIPBlock'), { since: 18 }),
  serviceExternalIPs: field(blocks('ServiceExternalIPBlock')),
  serviceClusterIPs: field(blocks('ServiceClusterIPBlock')),
  serviceLoadBalancerAggregation: field(oneOf(['Enabled', 'Disabled']), { since: 31, pointer: true }),
  communities: field(
    list(
      struct('Community', {
        name: field(string),
        value: field(string, { crd: { pattern: '^(\\d+):(\\d+)$|^(\\d+):(\\d+):(\\d+)$' } }),
      }),
    ),
    { since: 16 },
  ),
  prefixAdvertisements: field(
    list(
      struct('PrefixAdvertisement', {
        cidr: field(string, { rule: 'net' }),
        communities: field(list(string)),
      }),
    ),
    { since: 16 },
  ),
  listenPort: field(integer('uint16'), { since: 16 }),
  nodeMeshPassword: field(struct('BGPPassword', { secretKeyRef: field(secretKeyRef, { pointer: true }) }), {
    since: 23,
    pointer: true,
  }),
  nodeMeshMaxRestartTime: field(duration, { since: 23, pointer: true }),
  bindMode: field(oneOf(['None', 'NodeIP'], 'v3.BindMode'), { since: 23, pointer: true }),
  ignoredInterfaces: field(list(string, 'ignoredInterface'), { since: 25 }),
  localWorkloadPeeringIPV4: field(string, { since: 30, rule: 'ipv4' }),
  localWorkloadPeeringIPV6: field(string, { since: 30, rule: 'ipv6' }),
  programClusterRoutes: field(oneOf(['Enabled', 'Disabled']), { since: 31, pointer: true }),
  ipv4NormalRoutePriority: field(int, routePriority),
  ipv6NormalRoutePriority: field(int, routePriority),
});

/** See {@link bgpConfigurationSpec}. */
export type BGPConfigurationSpec = TypeOf<typeof bgpConfigurationSpec>;
