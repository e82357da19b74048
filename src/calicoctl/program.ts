/** The program: the process's own surroundings around {@link runCalicoctl}. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { runCalicoctl } from './run.ts';

/** Runs calicoctl on the process's streams, environment and files. */
export async function program(argv: readonly string[]): Promise<number> {
  return await runCalicoctl(argv, {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdin: readStdin,
    env: process.env,
    cwd: process.cwd(),
    program: basename(process.argv0),
    connect: async (config) => (await import('../datastore/connect.ts')).connect(config),
    now: () => new Date(),
    uuid: randomUUID,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    host: async () => (await import('./host.ts')).realHost(),
  });
}

async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}
