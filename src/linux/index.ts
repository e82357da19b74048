/** The kernel, with no Calico knowledge. */
export * from './conntrack/index.ts';
export * from './ethtool/index.ts';
export * from './facts/index.ts';
export * from './ipset/index.ts';
export * from './iptables/index.ts';
export { interfaceIndex, isKernelError, KernelError, lockFile, reapChild, unlockFile } from './libc/index.ts';
export * from './netlink/index.ts';
export * from './netns/index.ts';
export * from './nftables/index.ts';
export * from './program/index.ts';
export * from './reachability/index.ts';
export * from './sysctl/index.ts';
