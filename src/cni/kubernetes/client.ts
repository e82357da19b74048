/** A reader of the Kubernetes API over HTTP, made from a kubeconfig. */
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import type { NetConf } from '../config.ts';
import { CniError, cniCode } from '../protocol/cni-error.ts';
import type { KubernetesReader, Pod, PodNamespace } from './reader.ts';

interface Access {
  readonly server: string;
  readonly options: RequestOptions;
}

const timeoutMs = 30_000;

/** The API of a configuration: its kubeconfig, or the root and credentials that it names. @throws CniError */
export async function kubernetesClient(conf: NetConf): Promise<KubernetesReader> {
  const access = conf.kubernetes.kubeconfig
    ? await fromKubeconfig(conf.kubernetes.kubeconfig)
    : fromFields(conf);
  return {
    pod: async (namespace, name) =>
      (await get(access, `/api/v1/namespaces/${namespace}/pods/${name}`)) as unknown as Pod,
    namespace: async (name) => (await get(access, `/api/v1/namespaces/${name}`)) as unknown as PodNamespace,
    podCidrs: async (name) => {
      const node = await get(access, `/api/v1/nodes/${name}`);
      const spec = record(node['spec']);
      const all = Array.isArray(spec['podCIDRs']) ? spec['podCIDRs'].map(String) : [];
      return all.length > 0 ? all : spec['podCIDR'] ? [String(spec['podCIDR'])] : [];
    },
  };
}

function fromFields(conf: NetConf): Access {
  const server = conf.kubernetes.apiRoot;
  if (server === '') {
    throw new CniError(
      cniCode.other,
      'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
    );
  }
  const file = (name: string) => (conf.policy[name] ? readFileSync(conf.policy[name]) : undefined);
  const token = conf.policy['k8s_auth_token'];
  const [cert, key, ca] = [
    file('k8s_client_certificate'),
    file('k8s_client_key'),
    file('k8s_certificate_authority'),
  ];
  return {
    server: server.replace(/\/api\/v1\/?$/, ''),
    options: {
      ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(ca ? { ca } : {}),
    },
  };
}

async function fromKubeconfig(path: string): Promise<Access> {
  if (!existsSync(path)) throw new CniError(cniCode.other, `stat ${path}: no such file or directory`);
  const text = readFileSync(path, 'utf8');
  const document = record(
    text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text),
  );
  const named = (list: string, name: unknown, inner: string) => {
    const entries = Array.isArray(document[list]) ? document[list].map(record) : [];
    return record((entries.find((entry) => entry['name'] === name) ?? entries[0])?.[inner]);
  };
  const context = named('contexts', document['current-context'], 'context');
  const cluster = named('clusters', context['cluster'], 'cluster');
  const user = named('users', context['user'], 'user');
  const material = (from: Readonly<Record<string, unknown>>, name: string) => {
    const data = from[`${name}-data`];
    if (typeof data === 'string') return Buffer.from(data, 'base64');
    return typeof from[name] === 'string' ? readFileSync(from[name]) : undefined;
  };
  const ca = material(cluster, 'certificate-authority');
  const cert = material(user, 'client-certificate');
  const key = material(user, 'client-key');
  const token =
    typeof user['token'] === 'string'
      ? user['token']
      : typeof user['tokenFile'] === 'string'
        ? readFileSync(user['tokenFile'], 'utf8').trim()
        : undefined;
  return {
    server: String(cluster['server'] ?? '').replace(/\/$/, ''),
    options: {
      ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(ca ? { ca } : {}),
      ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
    },
  };
}

async function get(access: Access, path: string): Promise<Readonly<Record<string, unknown>>> {
  const url = new URL(access.server + path);
  const { request } = url.protocol === 'http:' ? await import('node:http') : await import('node:https');
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const call = request(url, { ...access.options, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    call.on('timeout', () => call.destroy(new Error('context deadline exceeded')));
    call.on('error', (error) =>
      reject(new CniError(cniCode.other, `Get "${url.href}": ${dialText(error, url)}`)),
    );
    call.end();
  });
  const document = record(parse(body));
  if (status === 200) return document;
  const message =
    typeof document['message'] === 'string' ? document['message'] : `status ${status} of ${path}`;
  throw new CniError(cniCode.other, message);
}

/** Connection errors as Go says them. */
function dialText(error: Error, url: URL): string {
  if ('code' in error && ['ECONNREFUSED', 'ConnectionRefused'].includes(String(error.code))) {
    const port = url.port || (url.protocol === 'http:' ? '80' : '443');
    return `dial tcp ${url.hostname}:${port}: connect: connection refused`;
  }
  return error.message;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
