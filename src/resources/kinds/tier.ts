import { any, field, list, oneOf, struct, type TypeOf } from '../schema.ts';
import { policyOrder } from './rule.ts';

/** Spec of a Tier; upstream: api/pkg/apis/projectcalico/v3/tier.go. */
export const tierSpec = struct('TierSpec', {
  order: policyOrder,
  defaultAction: field(oneOf(['Deny', 'Pass'], 'v3.Action'), {
    pointer: true,
    rule: 'oneof=Deny Pass',
    crd: [{ values: ['Allow', 'Deny', 'Log', 'Pass'] }, { values: ['Pass', 'Deny'] }],
  }),
});

/** Status of a Tier. */
export const tierStatus = struct('TierStatus', { conditions: field(list(any), { since: 32 }) });

/** See {@link tierSpec}. */
export type TierSpec = TypeOf<typeof tierSpec>;
