/** The kernel, with no Calico knowledge. */
export { isKernelError, KernelError } from './libc/index.ts';
export * from './netlink/index.ts';
export * from './netns/index.ts';
export * from './sysctl/index.ts';
