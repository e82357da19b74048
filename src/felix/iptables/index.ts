/** The iptables dataplane. */
export { createIptablesDataplane, type IptablesDataplaneOptions } from './iptables-dataplane.ts';
