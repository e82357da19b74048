import { field, list, map, string, struct, type TypeOf } from '../schema.ts';
import { policyRule } from './rule.ts';

/** Spec of a Profile; upstream: api/pkg/apis/projectcalico/v3/profile.go. */
export const profileSpec = struct('ProfileSpec', {
  ingress: field(list(policyRule)),
  egress: field(list(policyRule)),
  labelsToApply: field(map(string), { rule: 'labels' }),
});

/** See {@link profileSpec}. */
export type ProfileSpec = TypeOf<typeof profileSpec>;
