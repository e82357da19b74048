/** nftables through libnftables, and elements of sets by netlink. */
export * from './context.ts';
export * from './elements.ts';
export * from './events.ts';
