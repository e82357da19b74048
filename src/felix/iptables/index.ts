/** The iptables dataplane. */
export { createIptablesDataplane, type IptablesDataplaneOptions } from './iptables-dataplane.ts';
export { removeIptables } from './remove-iptables.ts';
