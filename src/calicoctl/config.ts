/** How to reach the datastore: configuration file or environment, with upstream's texts (lib/apiconfig). */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { type ClientConfig, configVariables, fileOnlyFields } from '../datastore/config.ts';
import { type Ctl, CtlHardExit } from './command.ts';
import { log } from './log.ts';
import type { Release } from './release.ts';

/** What a run connects to. */
export type ConnectionConfig = ClientConfig;

/** Where the configuration is unless `--config` says otherwise. */
export const defaultConfigPath = '/etc/calico/calicoctl.cfg';

/** A configuration that cannot be used; the message is without the commands' prefix. */
export class ConfigError extends Error {
  /** No Kubernetes configuration was found at all. */
  readonly noKubernetes: boolean;
  constructor(message: string, noKubernetes = false) {
    super(message);
    this.noKubernetes = noKubernetes;
  }
}

/** The configuration of a run. @throws ConfigError, CtlHardExit for an explicit file that is missing */
export async function loadConnection(path: string, ctl: Ctl): Promise<ConnectionConfig> {
  const file = isAbsolute(path) ? path : resolve(ctl.io.cwd, path);
  let fields: Readonly<Record<string, string>>;
  if (existsSync(file)) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const { goFileError } = await import('./input/files.ts');
      throw new ConfigError(goFileError(error, path));
    }
    fields = await fieldsOfFile(text, path, ctl.release);
  } else {
    if (path !== defaultConfigPath) throw new CtlHardExit(`Error reading config file: ${path}`);
    log(ctl.io, 'info', `Config file: ${path} cannot be read - reading config from environment`);
    fields = fieldsOfEnvironment(ctl.io.env);
  }
  return completed(fields, ctl);
}

function fieldsOfEnvironment(env: Ctl['io']['env']): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [field, variable] of Object.entries(configVariables)) {
    const value = env[`CALICO_${variable}`] || env[variable];
    if (value) fields[field] = value;
  }
  return fields;
}

async function fieldsOfFile(
  text: string,
  path: string,
  release: Release,
): Promise<Readonly<Record<string, string>>> {
  const { fieldsOfConfigText } = await import('./input/config-file.ts');
  return fieldsOfConfigText(text, path, [...Object.keys(configVariables), ...fileOnlyFields], release);
}

function completed(fields: Readonly<Record<string, string>>, ctl: Ctl): ConnectionConfig {
  const newer = ctl.release.minor > 15;
  const implied = newer && !fields['etcdEndpoints'] && !fields['etcdDiscoverySrv'] ? 'kubernetes' : 'etcdv3';
  const datastoreType = fields['datastoreType'] ?? implied;
  const config: Readonly<Record<string, string>> = { ...fields, datastoreType };
  logConfig(config, ctl);
  if (datastoreType === 'kubernetes') {
    checkKubernetes(config, ctl);
    return { ...config, datastoreType };
  }
  if (datastoreType !== 'etcdv3') throw new ConfigError(`unknown datastore type: ${datastoreType}`);
  checkEtcd(config, ctl);
  return { ...config, datastoreType };
}

function checkEtcd(config: Readonly<Record<string, string>>, ctl: Ctl): void {
  const {
    etcdEndpoints,
    etcdDiscoverySrv,
    etcdKeyFile = '',
    etcdCertFile = '',
    etcdCACertFile = '',
  } = config;
  if (etcdEndpoints && etcdDiscoverySrv) {
    throw new ConfigError(
      'multiple discovery or bootstrap options specified, use either "etcdEndpoints" or "etcdDiscoverySrv"',
    );
  }
  if (!etcdEndpoints && !etcdDiscoverySrv) throw new ConfigError('no etcd endpoints specified');
  const files = [etcdKeyFile, etcdCertFile, etcdCACertFile];
  const inline = [config['etcdKey'], config['etcdCert'], config['etcdCACert']];
  if (inline.some(Boolean) && files.some(Boolean)) {
    throw new ConfigError('Cannot mix inline certificate-key and certificate / key files');
  }
  if (Boolean(etcdKeyFile) !== Boolean(etcdCertFile)) {
    throw new ConfigError(
      `could not initialize etcdv3 client: KeyFile and CertFile must both be present[key: ${etcdKeyFile}, cert: ${etcdCertFile}]`,
    );
  }
  for (const file of [etcdCertFile, etcdKeyFile, etcdCACertFile]) {
    if (file === '' || existsSync(isAbsolute(file) ? file : resolve(ctl.io.cwd, file))) continue;
    throw new ConfigError(`could not initialize etcdv3 client: open ${file}: no such file or directory`);
  }
}

function checkKubernetes(config: Readonly<Record<string, string>>, ctl: Ctl): void {
  const { kubeconfig, kubeconfigInline, k8sAPIEndpoint } = config;
  if (kubeconfig) {
    if (existsSync(isAbsolute(kubeconfig) ? kubeconfig : resolve(ctl.io.cwd, kubeconfig))) return;
    throw new ConfigError(`stat ${kubeconfig}: no such file or directory`);
  }
  if (kubeconfigInline || k8sAPIEndpoint) return;
  const newer = ctl.release.minor > 15;
  const home = ctl.io.env['HOME'];
  if (newer && home && existsSync(`${home}/.kube/config`)) return;
  const hint = newer ? ', try setting KUBERNETES_MASTER environment variable' : '';
  throw new ConfigError(`invalid configuration: no configuration has been provided${hint}`, newer);
}

function logConfig(config: Readonly<Record<string, string>>, ctl: Ctl): void {
  const set = (name: string): string => String(Boolean(config[name]));
  log(ctl.io, 'info', 'Loaded client config', {
    datastoreType: config['datastoreType'] ?? '',
    etcdCertInlineSet: set('etcdCert'),
    etcdEndpoints: config['etcdEndpoints'] ?? '',
    etcdKeyInlineSet: set('etcdKey'),
    etcdPasswordSet: set('etcdPassword'),
    etcdUsernameSet: set('etcdUsername'),
    k8sAPIEndpoint: config['k8sAPIEndpoint'] ?? '',
    k8sAPITokenSet: set('k8sAPIToken'),
    kubeconfig: config['kubeconfig'] ?? '',
    kubeconfigInlineSet: set('kubeconfigInline'),
  });
}
