import {
  field,
  float,
  int,
  list,
  map,
  oneOf,
  port,
  protocol,
  required,
  string,
  struct,
  type TypeOf,
} from '../schema.ts';

const icmp = struct('ICMPFields', {
  type: field(int, { pointer: true, rule: 'gte=0,lte=254', crd: { min: 0, max: 254 } }),
  code: field(int, { pointer: true, rule: 'gte=0,lte=255', crd: { min: 0, max: 255 } }),
});

const http = struct('HTTPMatch', {
  methods: field(list(string), { crd: { maxItems: 20 } }),
  paths: field(list(struct('HTTPPath', { exact: field(string), prefix: field(string) })), {
    crd: { maxItems: 20 },
  }),
});

const entityRule = struct('EntityRule', {
  nets: field(list(string, 'net')),
  selector: field(string, { rule: 'selector' }),
  namespaceSelector: field(string, { rule: 'selector' }),
  services: field(struct('ServiceMatch', { name: field(string), namespace: field(string) }), {
    since: 20,
    pointer: true,
  }),
  ports: field(list(port)),
  notNets: field(list(string, 'net')),
  notSelector: field(string, { rule: 'selector' }),
  notPorts: field(list(port)),
  serviceAccounts: field(
    struct('ServiceAccountMatch', {
      names: field(list(string, 'name')),
      selector: field(string, { rule: 'selector' }),
    }),
    { pointer: true },
  ),
});

/** A rule of a policy or profile; upstream: api/pkg/apis/projectcalico/v3/policy_common.go. */
export const policyRule = struct('Rule', {
  action: required(oneOf(['Allow', 'Deny', 'Log', 'Pass'], 'v3.Action'), { rule: 'action', mandatory: true }),
  ipVersion: field(int, { pointer: true, rule: 'ipVersion', crd: { values: ['4', '6'] } }),
  protocol: field(protocol, { pointer: true }),
  icmp: field(icmp, { pointer: true }),
  notProtocol: field(protocol, { pointer: true }),
  notICMP: field(icmp, { pointer: true }),
  source: field(entityRule, { zero: ['v3.15'] }),
  destination: field(entityRule, { zero: ['v3.15'] }),
  http: field(http, { pointer: true }),
  metadata: field(struct('RuleMetadata', { annotations: field(map(string)) }), { pointer: true }),
});

/** See {@link policyRule}. */
export type PolicyRule = TypeOf<typeof policyRule>;
/** Source or destination of a rule. */
export type EntityRule = TypeOf<typeof entityRule>;
/** ICMP type and code. */
export type IcmpFields = TypeOf<typeof icmp>;
/** Match of HTTP methods and paths. */
export type HttpMatch = TypeOf<typeof http>;
/** Direction that a policy applies to. */
export type PolicyType = 'Ingress' | 'Egress';

/** `order` of a policy or tier: absent means after all that have one. */
export const policyOrder = field(float, { pointer: true });
/** `types` of a policy. */
export const policyTypes = field(list(oneOf(['Ingress', 'Egress'], 'v3.PolicyType'), 'policyType'), {
  crd: { minItems: 1, maxItems: 2 },
});
