/** iptables. */
export * from './iptables.ts';
