/** The front's side of the control socket. */
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { CalicoError } from '../errors.ts';
import type { LabReply, LabRequest } from './protocol.ts';
import { type LabState, noSuchLab } from './state.ts';

/** Sends a request and calls back with each reply. Resolves at the end. @throws CalicoError with the holder's words */
export async function converse(
  state: LabState,
  request: LabRequest,
  onReply: (reply: LabReply) => void,
): Promise<void> {
  if (!state.exists) throw noSuchLab(state.name);
  if (!existsSync(state.socket) || state.runningHolder() === undefined) throw crashed(state);
  let failure: CalicoError | undefined;
  await new Promise<void>((resolve, reject) => {
    const socket = connect(state.socket);
    let text = '';
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) {
        const reply = JSON.parse(line) as LabReply;
        if (reply.kind === 'error') {
          failure = new CalicoError(
            'PROGRAM',
            reply.message,
            reply.cure === undefined ? {} : { cure: reply.cure },
          );
        } else onReply(reply);
      }
    });
    socket.on('error', () => reject(crashed(state)));
    socket.on('close', () => resolve());
  });
  if (failure) throw failure;
}

/** Sends a request that has one reply of a kind. @throws CalicoError */
export async function ask<K extends LabReply['kind']>(
  state: LabState,
  request: LabRequest,
  kind: K,
): Promise<Extract<LabReply, { kind: K }>> {
  let found: LabReply | undefined;
  await converse(state, request, (reply) => {
    if (reply.kind === kind) found = reply;
  });
  if (!found) throw crashed(state);
  return found as Extract<LabReply, { kind: K }>;
}

function crashed(state: LabState): CalicoError {
  const said = lastWords(state.log);
  return new CalicoError(
    'PROGRAM',
    `the lab ${state.name} does not run: its holder ended${said === '' ? '' : ` (${said})`}`,
    {
      cure: `Its log is ${state.log}. Clean up: calico lab down --name ${state.name}`,
    },
  );
}

/** The last line of a log that says something. */
function lastWords(file: string): string {
  if (!existsSync(file)) return '';
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.findLast((line) => /\w/.test(line) && !line.startsWith('Bun v'))?.trim() ?? '';
}
