/** `node`: leads to its sub-commands. */
import { group } from './group.ts';

/** See the module's comment. */
export const node = group({
  name: 'node',
  summary: 'Calico node management.',
  commands: [
    {
      name: 'run',
      summary: 'Run the Calico node.',
      load: async () => (await import('./node/run.ts')).run,
    },
    {
      name: 'status',
      summary: 'Show the BGP sessions of this host.',
      load: async () => (await import('./node/status.ts')).status,
    },
    {
      name: 'diags',
      summary: 'Gather a diagnostics bundle.',
      load: async () => (await import('./node/diags.ts')).diags,
    },
    {
      name: 'checksystem',
      summary: 'Check that this host can run Calico.',
      load: async () => (await import('./node/checksystem.ts')).checksystem,
    },
  ],
});
