import { field, integer, list, protocol, required, string, struct, type TypeOf } from '../schema.ts';

/** Spec of a HostEndpoint; upstream: api/pkg/apis/projectcalico/v3/hostendpoint.go. */
export const hostEndpointSpec = struct('HostEndpointSpec', {
  node: field(string, { rule: 'name' }),
  /** `*` stands for all interfaces of the host. */
  interfaceName: field(string, { rule: 'interface', crd: { maxLength: 15 } }),
  expectedIPs: field(list(string, 'ip')),
  profiles: field(list(string, 'name')),
  ports: field(
    list(
      struct('EndpointPort', {
        name: required(string, { rule: 'portName' }),
        protocol: required(protocol),
        port: required(integer('uint16'), { rule: 'gt=0', mandatory: true, crd: { min: 1 } }),
      }),
    ),
  ),
});

/** See {@link hostEndpointSpec}. */
export type HostEndpointSpec = TypeOf<typeof hostEndpointSpec>;
