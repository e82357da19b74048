/** The etcd v2 keys API over HTTP, as far as an upgrade needs it. Reads are linearizable (`quorum=true`). */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CalicoError, messageOf } from '../errors.ts';
import type { V1Store } from './stores.ts';

/** Where the v2 store is. */
export interface V2Options {
  readonly endpoints: readonly string[];
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly key?: string; readonly cert?: string; readonly ca?: string };
  /** Milliseconds per request; 30 s as upstream. */
  readonly timeout?: number;
}

interface V2Node {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly nodes?: readonly V2Node[];
}

interface V2Reply {
  readonly status: number;
  readonly body: { readonly node?: V2Node; readonly errorCode?: number; readonly message?: string };
}

/** A client of the v2 store. Endpoints are tried in order. */
export function v2Store(options: V2Options): V1Store {
  const call = async (
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    form?: Readonly<Record<string, string>>,
  ): Promise<V2Reply> => {
    const failures: string[] = [];
    for (const endpoint of options.endpoints) {
      try {
        return await send(endpoint, method, path, form, options);
      } catch (error) {
        if (error instanceof CalicoError) throw error;
        failures.push(`${endpoint}: ${messageOf(error)}`);
      }
    }
    throw new CalicoError('DATASTORE', `etcd v2 cannot be reached: ${failures.join('; ')}`, {
      cure: 'Check etcdEndpoints and the certificates of the v1 configuration.',
    });
  };
  return {
    read: async () => {
      const reply = await call('GET', '/v2/keys/calico?recursive=true&sorted=true&quorum=true');
      const dump: Record<string, string> = {};
      if (reply.body.node) flatten(reply.body.node, dump);
      return dump;
    },
    get: async (key) => (await call('GET', `${keyPath(key)}?quorum=true`)).body.node?.value,
    set: async (key, value, { mustExist = false } = {}) => {
      const reply = await call('PUT', `${keyPath(key)}${mustExist ? '?prevExist=true' : ''}`, { value });
      return reply.body.errorCode === undefined;
    },
    removeAll: async () => {
      await call('DELETE', '/v2/keys/calico?recursive=true');
    },
  };
}

/** Keys hold `%2f` as part of their names: the percent sign is encoded once more. */
function keyPath(key: string): string {
  return `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** A directory that shows nothing is kept, as a name with a slash at its end: a host is a directory. */
function flatten(node: V2Node, into: Record<string, string>): void {
  if (node.dir) {
    if (!node.nodes?.length && node.key !== undefined) into[`${node.key}/`] = '';
    for (const child of node.nodes ?? []) flatten(child, into);
  } else if (node.key !== undefined) into[node.key] = node.value ?? '';
}

const keyNotFound = 100;

async function send(
  endpoint: string,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  form: Readonly<Record<string, string>> | undefined,
  options: V2Options,
): Promise<V2Reply> {
  const url = new URL(path, endpoint);
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = start(
      url,
      {
        method,
        timeout: options.timeout ?? 30_000,
        ...options.tls,
        ...(options.username && options.password ? { auth: `${options.username}:${options.password}` } : {}),
        headers:
          body === undefined
            ? {}
            : {
                'Content-Type': 'application/x-www-form-urlencoded',
                'Content-Length': Buffer.byteLength(body),
              },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end(body);
  });
  if (status === 401)
    throw new CalicoError('PERMISSION', `${endpoint} refuses these credentials`, {
      cure: 'Check etcdUsername and etcdPassword.',
    });
  let parsed: V2Reply['body'];
  try {
    parsed = JSON.parse(text) as V2Reply['body'];
  } catch {
    throw new CalicoError('DATASTORE', `${endpoint} does not speak the v2 API (it answered ${status})`, {
      cure: 'etcd 3.4 and later must be started with --enable-v2=true.',
    });
  }
  if (parsed.errorCode !== undefined && parsed.errorCode !== keyNotFound) {
    throw new CalicoError('DATASTORE', `${endpoint}: ${parsed.message} (${parsed.errorCode})`);
  }
  return { status, body: parsed };
}
