/** Who reaches whom, tried from inside network namespaces without a process per pair. */
export { type PingTarget, probePings } from './ping.ts';
export { listenTcp, probeTcp, type TcpTarget } from './tcp.ts';
