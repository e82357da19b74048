/** Configuration of both stores: a file, or else the environment. Upstream: libcalico-go lib/apiconfig{,/v1}. */
import { existsSync, readFileSync } from 'node:fs';
import { configFromEnvironment, EtcdClient, etcdOptionsOf, parseConfig } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import type { UpgradeStores } from './stores.ts';
import { type V2Options, v2Store } from './v2-client.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the configurations are. */
export interface StoreSources {
  readonly v1File: string | undefined;
  readonly v3File: string | undefined;
  readonly env: Environment;
}

/** Fields of the v1 configuration, and their variables. */
const v1Fields = {
  datastoreType: 'DATASTORE_TYPE',
  etcdEndpoints: 'ETCD_ENDPOINTS',
  etcdScheme: 'ETCD_SCHEME',
  etcdAuthority: 'ETCD_AUTHORITY',
  etcdUsername: 'ETCD_USERNAME',
  etcdPassword: 'ETCD_PASSWORD',
  etcdKeyFile: 'ETCD_KEY_FILE',
  etcdCertFile: 'ETCD_CERT_FILE',
  etcdCACertFile: 'ETCD_CA_CERT_FILE',
} as const;

type V1Config = { readonly [K in keyof typeof v1Fields]?: string };

/** Opens both stores. @throws CalicoError INPUT, under upstream's heading */
export async function openStores(sources: StoreSources): Promise<UpgradeStores> {
  try {
    const v1 = v2Store(v1Options(await readV1(sources)));
    const v3 = new EtcdClient(await etcdOptionsOf(await readV3(sources)));
    return { v1, v3 };
  } catch (error) {
    throw new CalicoError('INPUT', `Error accessing the Calico API: ${messageOf(error)}`, {
      cause: error,
      cure: 'Check the files named by --apiconfigv1 and --apiconfigv3, or the variables APIV1_ETCD_ENDPOINTS and ETCD_ENDPOINTS.',
    });
  }
}

async function readV3({ v3File, env }: StoreSources) {
  const file = fileToRead(v3File, '/etc/calico/apiconfigv3.cfg', 'apiconfigv3');
  return file === undefined
    ? configFromEnvironment(env)
    : await parseConfig(readFileSync(file, 'utf8'), file);
}

async function readV1({ v1File, env }: StoreSources): Promise<V1Config> {
  const file = fileToRead(v1File, '/etc/calico/apiconfigv1.cfg', 'apiconfigv1');
  const config = file === undefined ? fromEnvironment(env) : await fromFile(file);
  const type = config.datastoreType ?? 'etcdv2';
  if (type !== 'etcdv2')
    throw new CalicoError('INPUT', `expecting apiconfigv1 datastore to be 'etcdv2', got '${type}'`);
  return config;
}

/** The file to read; `undefined` when the default one is not there and the environment is to be used. */
function fileToRead(given: string | undefined, standard: string, what: string): string | undefined {
  const file = given ?? standard;
  if (existsSync(file)) return file;
  if (given !== undefined && given !== standard)
    throw new CalicoError('INPUT', `Error reading ${what} file: ${given}`);
  return undefined;
}

function fromEnvironment(env: Environment): V1Config {
  return Object.fromEntries(
    Object.entries(v1Fields).flatMap(([field, variable]) => {
      const value = env[`CALICO_APIV1_${variable}`] || env[`APIV1_${variable}`];
      return value ? [[field, value]] : [];
    }),
  );
}

async function fromFile(file: string): Promise<V1Config> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CalicoError('INPUT', `syntax error in ${file}: ${messageOf(error)}`, { cause: error });
  }
  const {
    apiVersion,
    kind,
    spec = {},
  } = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>;
  if (apiVersion !== 'v1')
    throw new CalicoError('INPUT', `invalid config file: unknown APIVersion '${String(apiVersion ?? '')}'`);
  if (kind !== 'calicoApiConfig')
    throw new CalicoError(
      'INPUT',
      `invalid config file: expected kind 'calicoApiConfig', got '${String(kind ?? '')}'`,
    );
  const fields = (typeof spec === 'object' && spec !== null ? spec : {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    if (!(name in v1Fields) || typeof value !== 'string')
      throw new CalicoError('INPUT', `syntax error in ${file}: unknown field or wrong type: spec.${name}`);
  }
  return fields as V1Config;
}

function v1Options(config: V1Config): V2Options {
  const list =
    config.etcdEndpoints ??
    (config.etcdAuthority === undefined ? '' : `${config.etcdScheme ?? 'http'}://${config.etcdAuthority}`);
  // Kubespray's template leaves quotes and spaces around the list.
  const endpoints = list
    .split(',')
    .map((one) =>
      one
        .trim()
        .replace(/^["']|["']$/g, '')
        .trim(),
    )
    .filter((one) => one !== '');
  if (endpoints.length === 0) throw new CalicoError('INPUT', 'no etcd authority or endpoints specified');
  const read = (path: string | undefined) => (path ? readFileSync(path, 'utf8') : undefined);
  const [key, cert, ca] = [read(config.etcdKeyFile), read(config.etcdCertFile), read(config.etcdCACertFile)];
  return {
    endpoints,
    ...(config.etcdUsername && config.etcdPassword
      ? { username: config.etcdUsername, password: config.etcdPassword }
      : {}),
    tls: { ...(key ? { key } : {}), ...(cert ? { cert } : {}), ...(ca ? { ca } : {}) },
  };
}
