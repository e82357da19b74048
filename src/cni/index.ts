/** The CNI plugins: protocol, the transactions, the thin client, calico-node's socket server, the installer. */
export { defaultSocket } from './config.ts';
export { CallGuard, guardFolders } from './guard.ts';
export { handleCniRequest } from './handle-request.ts';
export { type InstallOptions, installCni } from './install.ts';
export { kubernetesClient } from './kubernetes/client.ts';
export type { KubernetesReader, Pod, PodNamespace } from './kubernetes/reader.ts';
export { runCniIpam, runCniPlugin } from './program.ts';
export { type CniReads, SyncedCniReads } from './reads.ts';
export { type CniHandler, type CniServer, serveCni } from './server.ts';
export type { CniDeps, CniReply, CniRequest, EndpointIdentity } from './types.ts';
export { statusFileName } from './wait-for-policy.ts';
