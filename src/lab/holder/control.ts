/** Answers the front's requests over the control socket. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { CalicoError, messageOf } from '../../errors.ts';
import type { LabReply, LabRequest } from '../protocol.ts';
import type { Lab } from './lab.ts';

/** Serves. `started` resolves when the start has ended, well or not. */
export function serveControl(path: string, lab: Lab, started: Promise<void>): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const end = text.indexOf('\n');
      if (end < 0) return;
      const line = text.slice(0, end);
      text = '';
      void respond(socket, line, lab, started);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
  });
}

async function respond(socket: Socket, line: string, lab: Lab, started: Promise<void>): Promise<void> {
  const send = (reply: LabReply) => void socket.write(`${JSON.stringify(reply)}\n`);
  try {
    await answer(JSON.parse(line) as LabRequest, lab, started, send);
  } catch (error) {
    const cure = error instanceof CalicoError ? error.cure : undefined;
    send({ kind: 'error', message: messageOf(error), ...(cure === undefined ? {} : { cure }) });
  }
  socket.end();
}

async function answer(
  request: LabRequest,
  lab: Lab,
  started: Promise<void>,
  send: (reply: LabReply) => void,
): Promise<void> {
  switch (request.op) {
    case 'follow': {
      for (const event of lab.stages.events) send(event);
      const stop = lab.stages.listen(send);
      await started;
      stop();
      const status = lab.status();
      const failed = status.stages.find(({ state }) => state === 'failed');
      if (failed) throw new CalicoError('PROGRAM', `the stage "${failed.stage}" failed: ${failed.detail}`);
      send({ kind: 'up', milliseconds: lab.upAfter, status });
      return;
    }
    case 'status':
      send({ kind: 'status', status: lab.status() });
      return;
    case 'check':
      send({ kind: 'check', report: await lab.check() });
      return;
    case 'entrance':
      send({ kind: 'entrance', arguments: lab.entrance(request.target) });
      return;
    case 'process':
      lab.controlProcess(request.host, request.program, request.action);
      send({ kind: 'done' });
      return;
    case 'pod-add':
      send({ kind: 'pod', pod: await lab.addPod(request.host, request.name, request.labels) });
      return;
    case 'pod-delete':
      await lab.deletePod(request.host, request.name);
      send({ kind: 'done' });
      return;
  }
}
