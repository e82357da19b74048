/** The program: the process's own surroundings around {@link runCalicoctl}. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { Datastore } from '../datastore/index.ts';
import { writeErr, writeOut } from '../output.ts';
import { runCalicoctl } from './run.ts';

/** Runs calicoctl on the process's streams, environment and files. */
export async function program(argv: readonly string[]): Promise<number> {
  // Commands that end early leave their datastore open, and an open connection keeps the process alive.
  const opened: Datastore[] = [];
  const code = await runCalicoctl(argv, {
    stdout: writeOut,
    stderr: writeErr,
    stdin: readStdin,
    env: process.env,
    cwd: process.cwd(),
    program: basename(process.argv0),
    connect: async (config) => {
      const store = await (await import('../datastore/connect.ts')).connect(config);
      opened.push(store);
      return store;
    },
    now: () => new Date(),
    uuid: randomUUID,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    host: async () => (await import('./host.ts')).realHost(),
  });
  for (const store of opened) store.close();
  return code;
}

async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}
