/** Tunnel devices and MTUs. */
export * from './mtu.ts';
export * from './tunnel-device.ts';
