import { field, integer, list, protocol, required, string, struct, type TypeOf } from '../schema.ts';

/** Spec of a HostEndpoint; upstream: api/pkg/apis/projectcalico/v3/hostendpoint.go. */
export const hostEndpointSpec = struct('HostEndpointSpec', {
  node: field(string),
  /** `*` stands for all interfaces of the host. */
  interfaceName: field(string),
  expectedIPs: field(list(string)),
  profiles: field(list(string)),
  ports: field(
    list(
      struct('EndpointPort', {
        name: required(string),
        protocol: required(protocol),
        port: required(integer('uint16')),
      }),
    ),
  ),
});

/** See {@link hostEndpointSpec}. */
export type HostEndpointSpec = TypeOf<typeof hostEndpointSpec>;
