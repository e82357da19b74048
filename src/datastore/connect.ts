/** From a configuration to a datastore. */
import { readFileSync } from 'node:fs';
import { CalicoError, messageOf } from '../errors.ts';
import type { ClientConfig } from './config.ts';
import { EtcdClient, type EtcdOptions } from './etcd/client.ts';
import type { TlsOptions } from './etcd/grpc.ts';
import { KvDatastore } from './kv-datastore.ts';
import type { Datastore } from './port.ts';

/** The datastore that a configuration names. It connects when first used. @throws CalicoError INPUT */
export async function connect(
  config: ClientConfig,
  options: Pick<EtcdOptions, 'timeout' | 'connectTimeout' | 'inOrder'> = {},
): Promise<Datastore> {
  if (config.datastoreType === 'kubernetes') {
    // Loaded only by those who need it: start-up time is part of every CNI call.
    return (await import('./kubernetes/connect.ts')).connectKubernetes(config);
  }
  const client = new EtcdClient({ ...(await etcdOptionsOf(config)), ...options });
  return new KvDatastore('etcd', client);
}

/** The etcd client's options of a configuration; reads certificate files. @throws CalicoError INPUT */
export async function etcdOptionsOf(config: ClientConfig): Promise<EtcdOptions> {
  const { etcdEndpoints, etcdDiscoverySrv, etcdUsername, etcdPassword } = config;
  if (etcdEndpoints && etcdDiscoverySrv) {
    throw new CalicoError(
      'INPUT',
      'multiple discovery or bootstrap options specified, use either "etcdEndpoints" or "etcdDiscoverySrv"',
    );
  }
  const endpoints = etcdDiscoverySrv
    ? await discover(etcdDiscoverySrv)
    : (etcdEndpoints ?? '')
        .split(',')
        .map((text) => text.trim())
        .filter((text) => text !== '');
  if (endpoints.length === 0) {
    throw new CalicoError('INPUT', 'no etcd endpoints specified', {
      cure: 'Set ETCD_ENDPOINTS, or etcdEndpoints in the file of --config (/etc/calico/calicoctl.cfg).',
    });
  }
  return {
    endpoints,
    tls: tlsOf(config),
    ...(etcdUsername && etcdPassword ? { username: etcdUsername, password: etcdPassword } : {}),
  };
}

function tlsOf(config: ClientConfig): TlsOptions {
  const inline = [config.etcdKey, config.etcdCert, config.etcdCACert];
  const files = [config.etcdKeyFile, config.etcdCertFile, config.etcdCACertFile];
  if (inline.some(Boolean) && files.some(Boolean)) {
    throw new CalicoError('INPUT', 'Cannot mix inline certificate-key and certificate / key files');
  }
  const [key, cert, ca] = inline.some(Boolean) ? inline : files.map((file) => file && readPem(file));
  return { ...(key ? { key } : {}), ...(cert ? { cert } : {}), ...(ca ? { ca } : {}) };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CalicoError('INPUT', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function discover(domain: string): Promise<string[]> {
  const { resolveSrv } = await import('node:dns/promises');
  for (const [service, scheme] of [
    ['_etcd-client-ssl._tcp', 'https'],
    ['_etcd-client._tcp', 'http'],
  ] as const) {
    try {
      const records = await resolveSrv(`${service}.${domain}`);
      return records
        .sort((a, b) => a.priority - b.priority)
        .map((record) => `${scheme}://${record.name}:${record.port}`);
    } catch {
      // The other form is tried next; that neither exists is said below.
    }
  }
  throw new CalicoError('INPUT', `failed to discover etcd endpoints through SRV discovery of ${domain}`);
}
