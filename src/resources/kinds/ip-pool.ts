import { any, boolean, field, int, list, oneOf, required, string, struct, type TypeOf } from '../schema.ts';

const mode = ['Never', 'Always', 'CrossSubnet'] as const;

/** Spec of an IPPool; upstream: api/pkg/apis/projectcalico/v3/ippool.go. */
export const ipPoolSpec = struct('IPPoolSpec', {
  cidr: required(string, { rule: 'net' }),
  vxlanMode: field(oneOf(mode, 'v3.VXLANMode'), { rule: 'vxlanMode' }),
  ipipMode: field(oneOf(mode, 'v3.IPIPMode'), { rule: 'ipIpMode' }),
  natOutgoing: field(boolean),
  disabled: field(boolean),
  disableBGPExport: field(boolean, { since: 21 }),
  blockSize: field(int),
  nodeSelector: field(string, { rule: 'selector' }),
  namespaceSelector: field(string, { since: 31, rule: 'selector' }),
  allowedUses: field(list(oneOf(['Workload', 'Tunnel', 'LoadBalancer'], 'v3.IPPoolAllowedUse')), {
    since: 21,
  }),
  assignmentMode: field(oneOf(['Automatic', 'Manual'], 'v3.AssignmentMode'), {
    pointer: true,
    since: 30,
    rule: 'assignmentMode',
  }),
});

/** Status of an IPPool. */
export const ipPoolStatus = struct('IPPoolStatus', { conditions: field(list(any), { since: 32 }) });

/** See {@link ipPoolSpec}. */
export type IPPoolSpec = TypeOf<typeof ipPoolSpec>;
