/** What happens to a packet on a host, and why. Pure. */
export { HostModel, type HostModelInput } from './host-model.ts';
export { type Crossing, type HookStep, type HostVerdict, hostVerdict } from './host-verdict.ts';
