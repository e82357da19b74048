import { asNumber, field, list, oneOf, string, struct, type TypeOf } from '../schema.ts';

/** Spec of a Node; upstream: libcalico-go/lib/apis/internalapi/node.go. */
export const nodeSpec = struct('NodeSpec', {
  bgp: field(
    struct('NodeBGPSpec', {
      asNumber: field(asNumber, { pointer: true }),
      /** Host address with the prefix of its subnet. */
      ipv4Address: field(string, { rule: 'cidrv4' }),
      ipv6Address: field(string, { rule: 'cidrv6' }),
      ipv4IPIPTunnelAddr: field(string, { rule: 'ipv4' }),
      /** Its presence makes the node a route reflector. */
      routeReflectorClusterID: field(string, { rule: 'ipv4' }),
    }),
    { pointer: true },
  ),
  ipv4VXLANTunnelAddr: field(string, { rule: 'ipv4' }),
  vxlanTunnelMACAddr: field(string, { rule: 'mac' }),
  ipv6VXLANTunnelAddr: field(string, { since: 23, rule: 'ipv6' }),
  vxlanTunnelMACAddrV6: field(string, { since: 23, rule: 'mac' }),
  orchRefs: field(
    list(
      struct('OrchRef', {
        nodeName: field(string),
        orchestrator: field(string, { zero: ['v3.15', 'v3.32'] }),
      }),
    ),
  ),
  wireguard: field(
    struct('NodeWireguardSpec', {
      interfaceIPv4Address: field(string, { rule: 'ipv4' }),
      interfaceIPv6Address: field(string, { since: 24, rule: 'ipv6' }),
    }),
    { pointer: true },
  ),
  addresses: field(
    list(
      struct('NodeAddress', {
        address: field(string, { zero: ['v3.32'] }),
        type: field(oneOf(['CalicoNodeIP', 'InternalIP', 'ExternalIP'])),
      }),
    ),
    { since: 17 },
  ),
  interfaces: field(list(struct('NodeInterface', { name: field(string), addresses: field(list(string)) })), {
    since: 31,
  }),
});

/** Status of a Node. */
export const nodeStatus = struct('NodeStatus', {
  wireguardPublicKey: field(string),
  wireguardPublicKeyV6: field(string, { since: 24 }),
  podCIDRs: field(list(string)),
});

/** See {@link nodeSpec}. */
export type NodeSpec = TypeOf<typeof nodeSpec>;
/** See {@link nodeStatus}. */
export type NodeStatus = TypeOf<typeof nodeStatus>;
