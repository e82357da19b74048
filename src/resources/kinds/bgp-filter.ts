import {
  asNumber,
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

const operation = struct('BGPFilterOperation', {
  addCommunity: field(struct('BGPFilterAddCommunity', { value: field(string) })),
  prependASPath: field(struct('BGPFilterPrependASPath', { prefix: field(list(asNumber)) })),
  setPriority: field(struct('BGPFilterSetPriority', { value: field(int) })),
});

const rule = (version: 'V4' | 'V6') =>
  struct(`BGPFilterRule${version}`, {
    cidr: field(string),
    prefixLength: field(
      struct(`BGPFilterPrefixLength${version}`, {
        min: field(integer('int32')),
        max: field(integer('int32')),
      }),
      { since: 29 },
    ),
    source: field(oneOf(['RemotePeers'], 'v3.BGPFilterMatchSource'), { since: 28 }),
    interface: field(string, { since: 28 }),
    matchOperator: field(oneOf(['Equal', 'NotEqual', 'In', 'NotIn'], 'v3.BGPFilterMatchOperator')),
    peerType: field(oneOf(['eBGP', 'iBGP'], 'v3.BGPFilterPeerType'), { since: 32 }),
    communities: field(struct('BGPFilterCommunityMatch', { values: field(list(string)) }), { since: 32 }),
    asPathPrefix: field(list(asNumber), { since: 32 }),
    priority: field(int, { since: 32 }),
    action: required(oneOf(['Accept', 'Reject'], 'v3.BGPFilterAction')),
    operations: field(list(operation), { since: 32 }),
  });

const ruleV4 = rule('V4');
const ruleV6 = rule('V6');

/** Spec of a BGPFilter; upstream: api/pkg/apis/projectcalico/v3/bgpfilter.go. First match wins. */
export const bgpFilterSpec = struct('BGPFilterSpec', {
  exportV4: field(list(ruleV4)),
  importV4: field(list(ruleV4)),
  exportV6: field(list(ruleV6)),
  importV6: field(list(ruleV6)),
});

/** A rule of a BGPFilter. */
export type BGPFilterRule = TypeOf<typeof ruleV4>;
/** See {@link bgpFilterSpec}. */
export type BGPFilterSpec = TypeOf<typeof bgpFilterSpec>;
