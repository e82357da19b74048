/** Where the API server is and with what credentials: kubeconfig files, settings, or the pod's own service account. */
import { existsSync, readFileSync } from 'node:fs';
import { CalicoError, messageOf } from '../errors.ts';

/** All that a connection needs. */
export interface ApiAccess {
  /** Root URL without a slash at its end. */
  readonly server: string;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly insecure?: boolean;
  /** Asked before every request: tokens in files are replaced while a program runs. */
  readonly token?: () => string | undefined;
}

/** Settings that win over the kubeconfig; empty ones are absent. */
export interface AccessSettings {
  /** Paths, separated by `:`; earlier files win. */
  readonly kubeconfig?: string | undefined;
  /** Text of a kubeconfig; the other settings are ignored then. */
  readonly kubeconfigInline?: string | undefined;
  readonly server?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly token?: string | undefined;
  readonly context?: string | undefined;
  readonly insecure?: boolean | undefined;
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
type Fields = Readonly<Record<string, unknown>>;

/** Access by settings; without any, that of the pod this runs in. @throws CalicoError INPUT */
export async function accessOf(
  settings: AccessSettings,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<ApiAccess> {
  if (settings.kubeconfigInline) return accessFromKubeconfig([settings.kubeconfigInline]);
  const { server, certFile, keyFile, caFile, token, context, insecure } = settings;
  let base: ApiAccess | undefined;
  if (settings.kubeconfig) {
    const paths = settings.kubeconfig.split(':').filter((path) => path !== '' && existsSync(path));
    if (paths.length === 0) throw unreadable(`stat ${settings.kubeconfig}: no such file or directory`);
    base = await accessFromKubeconfig(paths.map(readText), context);
  } else if (!server) base = accessInCluster(env);
  return {
    ...base,
    server: (server || base?.server || '').replace(/\/$/, ''),
    ...(certFile ? { cert: readText(certFile) } : {}),
    ...(keyFile ? { key: readText(keyFile) } : {}),
    ...(caFile ? { ca: readText(caFile) } : {}),
    ...(token ? { token: () => token } : {}),
    ...(insecure ? { insecure } : {}),
  };
}

/** Access as the pod's service account. @throws CalicoError INPUT outside a pod */
export function accessInCluster(env: Readonly<Record<string, string | undefined>>): ApiAccess {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new CalicoError(
      'INPUT',
      'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
      { cure: 'Set KUBECONFIG or K8S_API_ENDPOINT, or run in a pod with a service account.' },
    );
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(`${accountFolder}/ca.crt`),
    token: tokenFile(`${accountFolder}/token`),
  };
}

/** Access of a context of kubeconfig texts (YAML or JSON). @throws CalicoError INPUT */
export async function accessFromKubeconfig(texts: readonly string[], context?: string): Promise<ApiAccess> {
  const documents = await Promise.all(texts.map(parseDocument));
  const current = context || documents.map((document) => document['current-context']).find(Boolean);
  const named = (list: string, name: unknown, inner: string): Fields => {
    const entries = documents.flatMap((document) => listOf(document[list]));
    const found = entries.find((entry) => entry['name'] === name) ?? (name ? undefined : entries[0]);
    if (!found && name) throw unreadable(`${inner} "${String(name)}" does not exist in the kubeconfig`);
    return fields(found?.[inner]);
  };
  const chosen = named('contexts', current, 'context');
  const cluster = named('clusters', chosen['cluster'], 'cluster');
  const user = named('users', chosen['user'], 'user');
  if (user['exec'] !== undefined || user['auth-provider'] !== undefined) {
    throw new CalicoError('UNSUPPORTED', 'credentials by an external program are not supported', {
      cure: 'Use a token, a token file or a client certificate in the kubeconfig.',
    });
  }
  const ca = material(cluster, 'certificate-authority');
  const cert = material(user, 'client-certificate');
  const key = material(user, 'client-key');
  const token = tokenOf(user);
  return {
    server: String(cluster['server'] ?? '').replace(/\/$/, ''),
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(token ? { token } : {}),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true } : {}),
  };
}

function tokenOf(user: Fields): (() => string | undefined) | undefined {
  const { token } = user;
  if (typeof token === 'string' && token !== '') return () => token;
  return typeof user['tokenFile'] === 'string' ? tokenFile(user['tokenFile']) : undefined;
}

/** Reads the file anew each time; while it is being replaced the last token stands. */
function tokenFile(path: string): () => string | undefined {
  let last: string | undefined;
  return () => {
    try {
      last = readFileSync(path, 'utf8').trim() || last;
    } catch (error) {
      if (last === undefined) throw unreadable(`cannot read ${path}: ${messageOf(error)}`);
    }
    return last;
  };
}

function material(from: Fields, name: string): string | Buffer | undefined {
  const data = from[`${name}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64');
  const path = from[name];
  return typeof path === 'string' && path !== '' ? readText(path) : undefined;
}

async function parseDocument(text: string): Promise<Fields> {
  try {
    return fields(text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text));
  } catch (error) {
    throw unreadable(`error loading config file: ${messageOf(error)}`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(`cannot read ${path}: ${messageOf(error)}`);
  }
}

function unreadable(message: string): CalicoError {
  return new CalicoError('INPUT', message, { cure: 'Correct KUBECONFIG or the file that it names.' });
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
