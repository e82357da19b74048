/** nftables through libnftables. */
export * from './context.ts';
export * from './events.ts';
