/** `cluster`: leads to `cluster diags`. */
import { group } from './group.ts';

/** See the module's comment. */
export const cluster = group({
  name: 'cluster',
  summary: 'Information on the whole cluster.',
  commands: [
    {
      name: 'diags',
      summary: 'Collect diagnostics of the cluster.',
      load: async () => (await import('./cluster/diags.ts')).diags,
    },
  ],
});
