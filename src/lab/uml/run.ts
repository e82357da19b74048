/** The front's side of running a program in a lab under user-mode-linux. */
import { connect } from 'node:net';
import { CalicoError } from '../../errors.ts';
import type { LabState } from '../state.ts';
import { Lines, type RunInput, type RunOutput, type RunRequest } from './run-protocol.ts';

/** Runs a program; input, output and exit code are the program's. @throws CalicoError */
export function runUnderUml(
  state: LabState,
  place: RunRequest['place'],
  command: readonly string[],
): Promise<number> {
  const lost = () =>
    new CalicoError('PROGRAM', `the lab ${state.name} does not run`, {
      cure: `Its log is ${state.log}. Clean up: calico lab down --name ${state.name}`,
    });
  return new Promise((resolve, reject) => {
    const socket = connect(state.socket);
    const say = (message: RunRequest | RunInput) => socket.write(`${JSON.stringify(message)}\n`);
    const lines = new Lines();
    let code: number | undefined;
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      say({ op: 'run', place, command });
      process.stdin.on('data', (chunk: Buffer) => say({ input: chunk.toString('base64') }));
      process.stdin.on('end', () => say({ end: true }));
      process.stdin.on('error', () => say({ end: true }));
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => say({ signal }));
    socket.on('data', (chunk) => {
      for (const line of lines.read(String(chunk))) {
        const reply = JSON.parse(line) as RunOutput;
        if ('output' in reply) process.stdout.write(Buffer.from(reply.output, 'base64'));
        else if ('error' in reply) process.stderr.write(Buffer.from(reply.error, 'base64'));
        else if ('exit' in reply) code = reply.exit;
        else reject(new CalicoError('PROGRAM', reply.failure));
      }
    });
    socket.on('error', () => reject(lost()));
    socket.on('close', () => {
      process.stdin.pause();
      if (code === undefined) reject(lost());
      else resolve(code);
    });
  });
}
