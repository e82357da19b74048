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

const icmp = struct('ICMPFields', { type: field(int), code: field(int) });

const entityRule = struct('EntityRule', {
  nets: field(list(string)),
  selector: field(string),
  namespaceSelector: field(string),
  services: field(struct('ServiceMatch', { name: field(string), namespace: field(string) }), { since: 20 }),
  ports: field(list(port)),
  notNets: field(list(string)),
  notSelector: field(string),
  notPorts: field(list(port)),
  serviceAccounts: field(
    struct('ServiceAccountMatch', { names: field(list(string)), selector: field(string) }),
  ),
});

/** A rule of a policy or profile; upstream: api/pkg/apis/projectcalico/v3/policy_common.go. */
export const policyRule = struct('Rule', {
  action: required(oneOf(['Allow', 'Deny', 'Log', 'Pass'], 'v3.Action')),
  ipVersion: field(int),
  protocol: field(protocol),
  icmp: field(icmp),
  notProtocol: field(protocol),
  notICMP: field(icmp),
  source: field(entityRule),
  destination: field(entityRule),
  http: field(
    struct('HTTPMatch', {
      methods: field(list(string)),
      paths: field(list(struct('HTTPPath', { exact: field(string), prefix: field(string) }))),
    }),
  ),
  metadata: field(struct('RuleMetadata', { annotations: field(map(string)) })),
});

/** See {@link policyRule}. */
export type PolicyRule = TypeOf<typeof policyRule>;
/** Source or destination of a rule. */
export type EntityRule = TypeOf<typeof entityRule>;
/** Direction that a policy applies to. */
export type PolicyType = 'Ingress' | 'Egress';

/** `order` of a policy or tier: absent means after all that have one. */
export const policyOrder = field(float);
/** `types` of a policy. */
export const policyTypes = field(list(oneOf(['Ingress', 'Egress'], 'v3.PolicyType')));
