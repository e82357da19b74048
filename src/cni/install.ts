/**
 * Installs the plugins on a host: programs first, the network configuration last and by rename, because its appearance
 * has the runtime schedule pods. Upstream: cni-plugin/pkg/install.
 */
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../errors.ts';
import { goJsonProblem } from './protocol/go-json.ts';

/** Where things are and go. Host paths are seen below `hostRoot` (`/host` in a container, empty on the host itself). */
export interface InstallOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder with the programs to install; `undefined` installs none. */
  readonly programs?: string;
  readonly hostRoot: string;
  /** Folder with the service account's `token` and `ca.crt`; without a token no kubeconfig is written. */
  readonly serviceAccount?: string;
  readonly log?: (line: string) => void;
}

/** Installs. @throws CalicoError INPUT when the configuration is no JSON, PERMISSION when nothing can be written */
export function installCni(options: InstallOptions): void {
  const { env } = options;
  const log = options.log ?? (() => {});
  const netDir = env['CNI_NET_DIR'] || '/etc/cni/net.d';
  const hostNetDir = join(options.hostRoot, '/etc/cni/net.d');
  mkdirSync(hostNetDir, { recursive: true });
  copyTlsAssets(env['TLS_ASSETS_DIR'] || '/calico-secrets', hostNetDir);
  installPrograms(options, log);
  writeKubeconfig(options, hostNetDir);
  writeConfiguration(options, netDir, hostNetDir, log);
}

const tlsAssets = ['etcd-ca', 'etcd-cert', 'etcd-key'] as const;

function copyTlsAssets(from: string, hostNetDir: string): void {
  const present = tlsAssets.filter((name) => existsSync(join(from, name)));
  if (present.length === 0) return;
  const target = join(hostNetDir, 'calico-tls');
  mkdirSync(target, { recursive: true });
  for (const name of present) {
    copyFileSync(join(from, name), join(target, name));
    chmodSync(join(target, name), statSync(join(from, name)).mode & 0o777);
  }
}

function installPrograms(options: InstallOptions, log: (line: string) => void): void {
  if (options.programs === undefined) return;
  const skip = new Set((options.env['SKIP_CNI_BINARIES'] ?? '').split(',').filter((name) => name !== ''));
  const update = (options.env['UPDATE_CNI_BINARIES'] ?? 'true') === 'true';
  const folders = ['/opt/cni/bin', '/secondary-bin-dir']
    .map((folder) => join(options.hostRoot, folder))
    .filter(isWritable);
  if (folders.length === 0) {
    throw new CalicoError('PERMISSION', `${join(options.hostRoot, '/opt/cni/bin')} cannot be written`, {
      cure: 'Mount the host folder /opt/cni/bin writable.',
    });
  }
  for (const folder of folders) {
    for (const name of readdirSync(options.programs).sort()) {
      const target = join(folder, name);
      if (skip.has(name) || name === 'install' || (existsSync(target) && !update)) continue;
      copyFileSync(join(options.programs, name), `${target}.tmp`);
      chmodSync(`${target}.tmp`, 0o755);
      renameSync(`${target}.tmp`, target);
      log(`installed ${target}`);
    }
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function writeKubeconfig(options: InstallOptions, hostNetDir: string): void {
  const { env, serviceAccount } = options;
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (serviceAccount === undefined || !host || !port) return;
  const token = readOptional(join(serviceAccount, 'token'));
  if (token === undefined) return;
  const ca = readOptional(join(serviceAccount, 'ca.crt'));
  const server = `${env['KUBERNETES_SERVICE_PROTOCOL'] || 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const trust =
    env['SKIP_TLS_VERIFY'] === 'true'
      ? 'insecure-skip-tls-verify: true'
      : `certificate-authority-data: "${Buffer.from(ca ?? '').toString('base64')}"`;
  const text = `# Kubeconfig file for Calico CNI plugin. Installed by calico/node.
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: ${server}
    ${trust}
users:
- name: calico
  user:
    token: ${token.trim()}
contexts:
- name: calico-context
  context:
    cluster: local
    user: calico
current-context: calico-context`;
  replaceFile(join(hostNetDir, 'calico-kubeconfig'), text);
}

function writeConfiguration(
  options: InstallOptions,
  netDir: string,
  hostNetDir: string,
  log: (line: string) => void,
): void {
  const { env } = options;
  const file = env['CNI_NETWORK_CONFIG_FILE'];
  const template = file ? readFileSync(file, 'utf8') : env['CNI_NETWORK_CONFIG'];
  if (!template) {
    throw new CalicoError('INPUT', 'there is no network configuration to install', {
      cure: 'Set CNI_NETWORK_CONFIG or CNI_NETWORK_CONFIG_FILE.',
    });
  }
  const text = fillTemplate(template, env, netDir, options.serviceAccount);
  const problem = goJsonProblem(text);
  if (problem !== undefined) {
    throw new CalicoError('INPUT', `${text} is not a valid json object: ${problem}`);
  }
  const name = env['CNI_CONF_NAME'] || '10-calico.conflist';
  replaceFile(join(hostNetDir, name), text);
  log(`created ${join(hostNetDir, name)}`);
  const old = env['CNI_OLD_CONF_NAME'];
  if (old && old !== name) rmSync(join(hostNetDir, old), { force: true });
}

function fillTemplate(
  template: string,
  env: InstallOptions['env'],
  netDir: string,
  serviceAccount: string | undefined,
): string {
  const token = serviceAccount === undefined ? undefined : readOptional(join(serviceAccount, 'token'));
  const values: Readonly<Record<string, string>> = {
    LOG_LEVEL: env['LOG_LEVEL'] || 'info',
    LOG_FILE_PATH: env['LOG_FILE_PATH'] || '/var/log/calico/cni/cni.log',
    LOG_FILE_MAX_SIZE: env['LOG_FILE_MAX_SIZE'] || '100',
    LOG_FILE_MAX_AGE: env['LOG_FILE_MAX_AGE'] || '30',
    LOG_FILE_MAX_COUNT: env['LOG_FILE_MAX_COUNT'] || '10',
    CNI_MTU: env['CNI_MTU'] || '1500',
    DATASTORE_TYPE: env['DATASTORE_TYPE'] || 'kubernetes',
    KUBERNETES_NODE_NAME: env['KUBERNETES_NODE_NAME'] || env['NODENAME'] || '',
    KUBECONFIG_FILEPATH: `${netDir}/calico-kubeconfig`,
    KUBERNETES_SERVICE_HOST: env['KUBERNETES_SERVICE_HOST'] ?? '',
    KUBERNETES_SERVICE_PORT: env['KUBERNETES_SERVICE_PORT'] ?? '',
    ETCD_ENDPOINTS: env['ETCD_ENDPOINTS'] ?? '',
    ETCD_DISCOVERY_SRV: env['ETCD_DISCOVERY_SRV'] ?? '',
    ETCD_KEY_FILE: env['CNI_CONF_ETCD_KEY'] ?? '',
    ETCD_CERT_FILE: env['CNI_CONF_ETCD_CERT'] ?? '',
    ETCD_CA_CERT_FILE: env['CNI_CONF_ETCD_CA'] ?? '',
    SERVICEACCOUNT_TOKEN: token?.trim() ?? '',
  };
  return template.replace(/__([A-Z_]+?)__/g, (whole, name: string) => values[name] ?? whole);
}

/** Writes beside the file and renames, readable by root alone. */
function replaceFile(path: string, text: string): void {
  try {
    writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
    chmodSync(`${path}.tmp`, 0o600);
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    throw new CalicoError('PERMISSION', `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

function readOptional(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
