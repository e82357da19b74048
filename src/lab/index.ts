/** A lab: the network of a plan on one machine. */
export { compare } from './check/compare.ts';
export type { CheckReport, Difference } from './check/report.ts';
export { obstacles } from './preflight.ts';
export { labProgram } from './program.ts';
export type { LabStatus } from './protocol.ts';
export { type LabTopology, limitPlan, topology } from './topology.ts';
