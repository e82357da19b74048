/** The agent's configuration. */
export * from './felix-config.ts';
export * from './parameters.ts';
export * from './resolve-config.ts';
