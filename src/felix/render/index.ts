/** From the host's program to rules: pure. */
export * from './ast.ts';
export { assignHostEndpoints, type HostEndpointAssignment } from './host-endpoint-interfaces.ts';
export { HostRules, type RuleDelta, type RuleSet } from './host-rules.ts';
export * from './names.ts';
export * from './nft-text.ts';
export { type PolicyContext, policyRules } from './policy-rules.ts';
export { type Attempt, findRefused, type Refused } from './refusals.ts';
export * from './settings.ts';
