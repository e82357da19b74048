/** The host that the recordings were made on: root, no calico processes, no lsmod. */
import type { HostAccess } from '../../../src/calicoctl/index.ts';

/** See the module's comment. */
export function fakeHost(): HostAccess {
  return {
    isRoot: true,
    hostname: 'host',
    kernel: '5.10.0',
    processes: () => [],
    birdQuery: async (socket) => {
      throw new Error(`dial unix ${socket}: connect: no such file or directory`);
    },
    run: async (program) => {
      throw Object.assign(new Error(`exec: "${program}": executable file not found in $PATH`), {
        code: 'ENOENT',
      });
    },
  };
}
