/** `datastore`: leads to `datastore migrate` and its sub-commands. */
import { group } from './group.ts';

/** See the module's comment. */
export const datastore = group({
  name: 'datastore',
  summary: 'Datastore management.',
  commands: [
    {
      name: 'migrate',
      summary: 'Move the data of a cluster from etcd to Kubernetes.',
      load: async () => migrate,
    },
  ],
});

const migrate = group({
  name: 'datastore migrate',
  summary: 'Move the data of a cluster from etcd to Kubernetes.',
  commands: [
    {
      name: 'export',
      summary: 'Print the contents of the etcd datastore.',
      load: async () => (await import('./datastore/export.ts')).exportData,
    },
    {
      name: 'import',
      summary: 'Store what export printed.',
      load: async () => (await import('./datastore/import.ts')).importData,
    },
    {
      name: 'lock',
      summary: 'Lock the datastore for a migration.',
      load: async () => (await import('./datastore/lock.ts')).lock,
    },
    {
      name: 'unlock',
      summary: 'Unlock the datastore after a migration.',
      load: async () => (await import('./datastore/lock.ts')).unlock,
    },
  ],
});
