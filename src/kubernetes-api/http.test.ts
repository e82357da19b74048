import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessFromKubeconfig, accessOf } from './access.ts';
import { KubernetesClient } from './client.ts';
import { HttpTransport } from './http.ts';
import { FakeApi } from './testing/fake-api.ts';
import type { ApiRequest } from './types.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

/** The server in memory behind real HTTP; `seen` gets the headers. */
async function serve(api: FakeApi, seen: string[] = []): Promise<string> {
  server = createServer((request, response) => {
    seen.push(request.headers.authorization ?? '');
    const url = new URL(request.url ?? '', 'http://x');
    const query = Object.fromEntries(url.searchParams);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const text = Buffer.concat(chunks).toString();
      const call: ApiRequest = {
        method: request.method as ApiRequest['method'],
        path: url.pathname,
        query,
        ...(text === '' ? {} : { body: JSON.parse(text) }),
      };
      if (query['watch'] === 'true') {
        response.writeHead(200, { 'content-type': 'application/json' });
        for await (const line of api.stream(call)) response.write(`${JSON.stringify(line)}\n`);
        response.end();
        return;
      }
      const { status, body } = await api.send(call);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('objects, pages, refusals and a watch over HTTP; the token is read anew', async () => {
  const api = new FakeApi();
  const seen: string[] = [];
  const url = await serve(api, seen);
  const token = join(mkdtempSync(join(tmpdir(), 'token-')), 'token');
  writeFileSync(token, 'one\n');
  const access = await accessFromKubeconfig([
    `{"clusters":[{"name":"c","cluster":{"server":"${url}/"}}],"users":[{"name":"u","user":{"tokenFile":"${token}"}}],
      "contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"current-context":"x"}`,
  ]);
  const client = new KubernetesClient(new HttpTransport(access));
  for (let i = 0; i < 501; i++) api.seed('/api/v1/nodes', { metadata: { name: `n${i}` } });
  const list = await client.list('/api/v1/nodes');
  if (!list.ok) throw new Error('no list');
  expect(list.value.items.length).toBe(501);
  expect(await client.get('/api/v1/nodes/none')).toMatchObject({
    ok: false,
    status: { code: 404, reason: 'NotFound', message: 'nodes "none" not found' },
  });
  writeFileSync(token, 'two\n');
  const events = client.watch('/api/v1/nodes', list.value.resourceVersion);
  const first = events.next();
  await client.create('/api/v1/nodes', { metadata: { name: 'ü' } });
  expect((await first).value).toMatchObject({ type: 'added', object: { metadata: { name: 'ü' } } });
  await events.return(undefined);
  expect(new Set(seen)).toEqual(new Set(['Bearer one', 'Bearer two']));
  client.close();
});

test('a server that is away is named, and a write that may have happened is marked', async () => {
  const client = new KubernetesClient(new HttpTransport({ server: 'http://127.0.0.1:1' }));
  const failure = await client.create('/api/v1/nodes', {}).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'DATASTORE',
    message: 'Post "http://127.0.0.1:1/api/v1/nodes": dial tcp 127.0.0.1:1: connect: connection refused',
    details: { outcome: 'unknown' },
  });
});

test('settings win over the kubeconfig; a missing one is an error', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'kubeconfig-')), 'config');
  writeFileSync(path, 'clusters:\n- name: c\n  cluster: {server: "https://a:6443"}\n');
  expect(await accessOf({ kubeconfig: path })).toEqual({ server: 'https://a:6443' });
  const own = await accessOf({ kubeconfig: path, server: 'http://b', token: 't' });
  expect(own.server).toBe('http://b');
  expect(own.token?.()).toBe('t');
  expect(await accessOf({ kubeconfig: '/none' }).catch((error: Error) => error.message)).toBe(
    'stat /none: no such file or directory',
  );
});
