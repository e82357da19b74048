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

/** Communities of 16-bit, 32-bit and large form. */
const communityPattern =
  '^(([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]):([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])|([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-5]):([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-5]):([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-5]))$';

const operation = struct(
  'BGPFilterOperation',
  {
    addCommunity: field(struct('BGPFilterAddCommunity', { value: field(string, { pointer: true }) }), {
      pointer: true,
    }),
    prependASPath: field(
      struct('BGPFilterPrependASPath', { prefix: field(list(asNumber), { zero: ['v3.32'] }) }),
      { pointer: true },
    ),
    setPriority: field(struct('BGPFilterSetPriority', { value: field(int, { pointer: true }) }), {
      pointer: true,
    }),
  },
  { minProperties: 1 },
);

const rule = (version: 'V4' | 'V6') => {
  const most = version === 'V4' ? 32 : 128;
  const length = {
    pointer: true,
    rule: `bgpFilterPrefixLength${version}`,
    crd: { min: 0, max: most },
  } as const;
  return struct(`BGPFilterRule${version}`, {
    cidr: field(string, { rule: version === 'V4' ? 'netv4' : 'netv6', crd: { format: 'cidr' } }),
    prefixLength: field(
      struct(`BGPFilterPrefixLength${version}`, {
        min: field(integer('int32'), length),
        max: field(integer('int32'), length),
      }),
      { pointer: true, since: 29 },
    ),
    source: field(oneOf(['RemotePeers'], 'v3.BGPFilterMatchSource'), { since: 28 }),
    interface: field(string, { since: 28, rule: 'bgpFilterInterface' }),
    matchOperator: field(oneOf(['Equal', 'NotEqual', 'In', 'NotIn'], 'v3.BGPFilterMatchOperator'), {
      rule: 'matchOperator',
    }),
    peerType: field(oneOf(['eBGP', 'iBGP'], 'v3.BGPFilterPeerType'), { since: 32 }),
    communities: field(
      struct('BGPFilterCommunityMatch', {
        values: field(list(string, undefined, { pattern: communityPattern }), {
          zero: ['v3.32'],
          crd: { minItems: 1 },
        }),
      }),
      { pointer: true, since: 32 },
    ),
    asPathPrefix: field(list(asNumber), { since: 32 }),
    priority: field(int, { pointer: true, since: 32 }),
    action: required(oneOf(['Accept', 'Reject'], 'v3.BGPFilterAction'), {
      rule: 'required,filterAction',
      mandatory: true,
    }),
    operations: field(list(operation), { since: 32 }),
  });
};

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
