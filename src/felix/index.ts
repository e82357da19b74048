/** The agent. */
export { type Agent, type AgentOptions, createAgent } from './agent.ts';
export { chooseDataplane, type DataplaneChoice } from './choose-dataplane.ts';
export { chooseIptables } from './choose-iptables.ts';
export * from './config/index.ts';
export * from './dataplane.ts';
export * from './health/index.ts';
export { checkReversePathFilter } from './host/host-sysctls.ts';
export * from './log.ts';
export { tunnelDevice, workloadId } from './routes/index.ts';
export * from './status/index.ts';
export { detectMtus, type Mtus, vxlanMac } from './tunnels/index.ts';
