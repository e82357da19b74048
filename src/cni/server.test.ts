import { afterEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callNode } from './client.ts';
import { type CniServer, serveCni } from './server.ts';
import type { CniRequest } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'cni-'));
const path = join(folder, 'cni.sock');
let server: CniServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(path, { force: true });
});

const request = (containerId: string, stdin = '{}'): CniRequest => ({
  program: 'calico',
  env: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: containerId, SECRET: 'x', PATH: '/bin' },
  stdin,
});

test('nobody listens: the plugin is told so', async () => {
  expect(await callNode(path, request('a'))).toBeUndefined();
});

test('a request goes over with the plugin’s variables only, the reply comes back', async () => {
  const seen: CniRequest[] = [];
  server = await serveCni(path, async (one) => {
    seen.push(one);
    return { exit: 3, stdout: 'ü'.repeat(100_000), stderr: 'e' };
  });
  const reply = await callNode(path, request('a', '{"x":1}'));
  expect(reply).toEqual({ exit: 3, stdout: 'ü'.repeat(100_000), stderr: 'e' });
  expect(seen[0]).toEqual({
    program: 'calico',
    env: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'a', PATH: '/bin' },
    stdin: '{"x":1}',
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('calls for one container wait for each other, others do not', async () => {
  let running = 0;
  let most = 0;
  const order: string[] = [];
  server = await serveCni(path, async (one) => {
    running++;
    most = Math.max(most, running);
    order.push(one.stdin);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
    return { exit: 0, stdout: '', stderr: '' };
  });
  await Promise.all([1, 2, 3].map((n) => callNode(path, request('same', String(n)))));
  expect(most).toBe(1);
  await Promise.all(['a', 'b', 'c'].map((id) => callNode(path, request(id))));
  expect(most).toBe(3);
});

test('a connection that breaks after the request is an error to try again', async () => {
  const { createServer } = await import('node:net');
  const rude = createServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => rude.listen(path, resolve));
  const reply = await callNode(path, request('a'));
  rude.close();
  expect(reply?.exit).toBe(1);
  expect(JSON.parse(reply!.stdout)).toMatchObject({ code: 11 });
});

test('an ADD whose plugin is killed is taken back', async () => {
  const commands: (string | undefined)[] = [];
  let finish = () => {};
  const undone = new Promise<void>((resolve) => {
    finish = resolve;
  });
  server = await serveCni(path, async (one) => {
    commands.push(one.env['CNI_COMMAND']);
    if (one.env['CNI_COMMAND'] === 'DEL') finish();
    else await new Promise((resolve) => setTimeout(resolve, 30));
    return { exit: 0, stdout: '{}', stderr: '' };
  });
  const socket = connect(path);
  const { encodeFrame } = await import('./wire.ts');
  socket.write(encodeFrame({ v: 1, ...request('killed') }), () => setTimeout(() => socket.destroy(), 5));
  await undone;
  expect(commands).toEqual(['ADD', 'DEL']);
});

test('nonsense ends the connection and nothing else', async () => {
  server = await serveCni(path, async () => ({ exit: 0, stdout: 'ok', stderr: '' }));
  const socket = connect(path);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]));
  await closed;
  expect((await callNode(path, request('a')))?.stdout).toBe('ok');
});

test('closing removes the socket', async () => {
  server = await serveCni(path, async () => ({ exit: 0, stdout: '', stderr: '' }));
  await server.close();
  server = undefined;
  expect(existsSync(path)).toBe(false);
});
