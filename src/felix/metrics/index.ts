/** Prometheus metrics. */
export * from './metrics.ts';
