/** Runs calicoctl in a test, on a datastore in memory. */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { MemoryKv, memoryDatastore } from '../../datastore/index.ts';
import type { CtlIo, HostAccess } from '../io.ts';
import { runCalicoctl } from '../run.ts';

/** What a run printed and how it ended. */
export interface RunResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A host without any Calico process. */
export const quietHost: HostAccess = {
  isRoot: true,
  hostname: 'node1',
  kernel: '6.1.0',
  processes: () => [],
  birdQuery: async () => [],
  run: async () => ({ code: 0, stdout: '', stderr: '' }),
};

/** A runner whose runs share one datastore. `revision` tells how many writes there were. */
export function memoryRunner(overrides: Partial<CtlIo> = {}) {
  const kv = new MemoryKv();
  const run = async (line: string | readonly string[], stdin = ''): Promise<RunResult> => {
    let [out, err] = ['', ''];
    const store = memoryDatastore(kv);
    store.close = () => undefined;
    const code = await runCalicoctl(typeof line === 'string' ? line.split(' ') : line, {
      stdout: (text) => {
        out += text;
      },
      stderr: (text) => {
        err += text;
      },
      stdin: async () => stdin,
      env: { ETCD_ENDPOINTS: 'memory', HOME: '/nonexistent' },
      cwd: tmpdir(),
      program: 'calicoctl',
      connect: async () => store,
      now: () => new Date('2026-01-02T03:04:05Z'),
      uuid: randomUUID,
      sleep: async () => undefined,
      host: async () => quietHost,
      ...overrides,
    });
    return { code, out, err };
  };
  const put = (path: string, text: string) => kv.put(path, new TextEncoder().encode(text));
  return { run, put, revision: async () => (await kv.range({ key: '\0', limit: 1 })).revision };
}
