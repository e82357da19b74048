/** Status for the datastore and for the CNI plugin. */
export * from './endpoint-status-files.ts';
export * from './status-keys.ts';
export * from './status-reporter.ts';
