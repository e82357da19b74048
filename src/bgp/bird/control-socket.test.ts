import { afterEach, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birdCommand, checkConfiguration, daemonStatus, reconfigure } from './control-socket.ts';

let server: Server | undefined;
let counter = 0;

/** A daemon that answers each line with what the table says. */
function daemon(
  answer: (command: string, socket: Socket) => string | undefined,
  greeting = '0001 BIRD 2.0.12 ready.\n',
) {
  const path = join(tmpdir(), `bird-test-${process.pid}-${counter++}.ctl`);
  rmSync(path, { force: true });
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (chunk) => {
      for (const command of chunk.toString().trimEnd().split('\n')) {
        const text = answer(command, socket);
        if (text !== undefined) socket.write(text);
      }
    });
  }).listen(path);
  return { path, timeout: 200 };
}
afterEach(() => {
  server?.close();
  server = undefined;
});
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no failure',
    (error: { code: string; message: string }) =>
      `${error.code}: ${error.message.replace(/\/\S+\.ctl/, 'SOCKET')}`,
  );

describe('birdCommand', () => {
  test('reads a reply of several lines that arrives in pieces', async () => {
    const options = daemon((_, socket) => {
      socket.write('1000-BIRD 2.0.12\n1011-Router ID is 10.');
      setTimeout(() => socket.write('0.0.1\n Hostname is vm\n0013 Daemon is up and running\n'), 20);
      return undefined;
    });
    const reply = await birdCommand('show status', options);
    expect(reply.code).toBe('0013');
    expect(reply.lines).toHaveLength(4);
  });

  test('restricts itself before it reads', async () => {
    const seen: string[] = [];
    const options = daemon((command) => {
      seen.push(command);
      return command === 'restrict' ? '0016 Access restricted\n' : '0000 \n';
    });
    await birdCommand('show protocols', { ...options, restrict: true });
    expect(seen).toEqual(['restrict', 'show protocols']);
  });

  for (const [what, answer, greeting, expected] of [
    ['hangs', () => undefined, undefined, 'TIMEOUT: BIRD does not answer on SOCKET'],
    ['greets nobody', () => undefined, '', 'TIMEOUT: BIRD does not answer on SOCKET'],
    [
      'is something else',
      () => undefined,
      '220 mail ready\n',
      'PROGRAM: BIRD\'s reply on SOCKET is garbled: "220 mail ready"',
    ],
    [
      'babbles',
      () => '\u0000\u0001\n',
      undefined,
      'PROGRAM: BIRD\'s reply on SOCKET is garbled: "\\u0000\\u0001"',
    ],
    [
      'hangs up',
      (_: string, socket: Socket) => void socket.end('1000-BIRD\n'),
      undefined,
      'PROGRAM: BIRD closed the connection on SOCKET before its reply ended',
    ],
    [
      'never ends',
      () => `1000-${'x'.repeat(400)}\n`.repeat(100),
      undefined,
      "PROGRAM: BIRD's reply on SOCKET does not end",
    ],
  ] as const) {
    test(`says so when the far end ${what}`, async () => {
      const options = daemon(answer as (command: string, socket: Socket) => string | undefined, greeting);
      expect(await failure(birdCommand('show status', { ...options, limit: 10_000 }))).toBe(expected);
    });
  }

  test('says so when nobody listens', async () => {
    expect(await failure(birdCommand('show status', { path: '/nonexistent/bird.ctl' }))).toBe(
      'PROGRAM: cannot reach BIRD on SOCKET: ENOENT',
    );
  });
});

describe('configure', () => {
  test('a protocol that must go down first is a success', async () => {
    const options = daemon(() => '0002-Reading configuration from /x\n0004 Reconfiguration in progress\n');
    expect(await reconfigure(options)).toEqual({ ok: true });
  });

  test("a refusal carries BIRD's line", async () => {
    const options = daemon(() => '0002-Reading configuration from /x\n8002 /x:3:5 syntax error\n');
    expect(await checkConfiguration('/x', options)).toEqual({ ok: false, message: '/x:3:5 syntax error' });
  });
});

test('daemonStatus sees a recovery', async () => {
  const options = daemon((command) =>
    command === 'restrict'
      ? '0016 Access restricted\n'
      : '1000-BIRD 2.0.12\n1011-Router ID is 10.0.0.1\n Last reconfiguration on 2026-11-22 07:39:05.919\n0024-Graceful restart recovery in progress\n   Waiting for 4 channels to recover\n0013 Daemon is up and running\n',
  );
  expect(await daemonStatus(options)).toEqual({
    version: '2.0.12',
    routerId: '10.0.0.1',
    lastReconfiguration: '2026-11-22 07:39:05.919',
    recovering: true,
  });
});
