/** `ipam`: leads to its sub-commands. */
import { group } from './group.ts';

/** See the module's comment. */
export const ipam = group({
  name: 'ipam',
  summary: 'IP address management.',
  commands: [
    {
      name: 'check',
      summary: 'Check that addresses, endpoints and handles agree.',
      since: 18,
      load: async () => (await import('./ipam/check.ts')).check,
    },
    {
      name: 'release',
      summary: 'Release an address, or what a report of check calls leaked.',
      load: async () => (await import('./ipam/release.ts')).release,
    },
    {
      name: 'show',
      summary: 'Show use of pools and blocks, one address, or the configuration.',
      load: async () => (await import('./ipam/show.ts')).show,
    },
    {
      name: 'configure',
      summary: 'Change the configuration of IPAM.',
      load: async () => (await import('./ipam/configure.ts')).configure,
    },
    {
      name: 'split',
      summary: 'Split a pool into smaller ones.',
      since: 24,
      load: async () => (await import('./ipam/split.ts')).split,
    },
  ],
});
