/** Connection tracking. */
export * from './conntrack.ts';
