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
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../errors.ts';
import { goJsonProblem } from './protocol/go-json.ts';

/** Where things are and go. Host paths are seen below `hostRoot` (`/host` in a container, empty on the host itself). */
export interface InstallOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder with the programs to install; `undefined` installs none. */
  readonly programs?: string;
  readonly hostRoot: string;
  /** Name of the host, for a configuration that names no node; by default the system's. */
  readonly hostname?: string;
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
      : `certificate-authority-data: ${Buffer.from(ca ?? '').toString('base64')}`;
  const text = `# Kubeconfig file for Calico CNI plugin.
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
current-context: calico-context
`;
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
  const template = file ? readTemplate(file) : env['CNI_NETWORK_CONFIG'] || builtInTemplate;
  const text = fillTemplate(template, options, netDir, existsSync(join(hostNetDir, 'calico-tls')));
  const problem = goJsonProblem(text);
  if (problem !== undefined) {
    throw new CalicoError('INPUT', `CNI config is not valid JSON: ${problem}`, {
      cure: 'Correct CNI_NETWORK_CONFIG or the file that CNI_NETWORK_CONFIG_FILE names.',
    });
  }
  const name = env['CNI_CONF_NAME'] || '10-calico.conflist';
  replaceFile(join(hostNetDir, name), text);
  log(`created ${join(hostNetDir, name)}`);
  const old = env['CNI_OLD_CONF_NAME'];
  if (old && old !== name) rmSync(join(hostNetDir, old), { force: true });
}

/** What is installed when nobody says otherwise, as upstream's. */
const builtInTemplate = `{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "calico",
      "log_level": "__LOG_LEVEL__",
      "log_file_path": "/var/log/calico/cni/cni.log",
      "datastore_type": "__DATASTORE_TYPE__",
      "nodename": "__KUBERNETES_NODE_NAME__",
      "mtu": __CNI_MTU__,
      "ipam": {"type": "calico-ipam"},
      "policy": {"type": "k8s"},
      "kubernetes": {"kubeconfig": "__KUBECONFIG_FILEPATH__"},
      "require_mtu_file": false,
      "calico_api_group": "crd.projectcalico.org/v1"
    },
    {
      "type": "portmap",
      "snat": true,
      "capabilities": {"portMappings": true}
    }
  ]
}`;

function readTemplate(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CalicoError('INPUT', `open ${file}: no such file or directory`, {
      cure: 'Name an existing file with CNI_NETWORK_CONFIG_FILE.',
      cause,
    });
  }
}

function fillTemplate(template: string, options: InstallOptions, netDir: string, hasTls: boolean): string {
  const { env, serviceAccount } = options;
  const asset = (name: string) => (hasTls ? `${netDir}/calico-tls/${name}` : '');
  const token = serviceAccount === undefined ? undefined : readOptional(join(serviceAccount, 'token'));
  const values: Readonly<Record<string, string>> = {
    LOG_LEVEL: env['LOG_LEVEL'] || 'info',
    LOG_FILE_PATH: env['LOG_FILE_PATH'] || '/var/log/calico/cni/cni.log',
    LOG_FILE_MAX_SIZE: env['LOG_FILE_MAX_SIZE'] || '100',
    LOG_FILE_MAX_AGE: env['LOG_FILE_MAX_AGE'] || '30',
    LOG_FILE_MAX_COUNT: env['LOG_FILE_MAX_COUNT'] || '10',
    CNI_MTU: env['CNI_MTU'] || '1500',
    DATASTORE_TYPE: env['DATASTORE_TYPE'] || 'kubernetes',
    KUBERNETES_NODE_NAME: env['KUBERNETES_NODE_NAME'] || env['NODENAME'] || (options.hostname ?? hostname()),
    KUBECONFIG_FILEPATH: `${netDir}/calico-kubeconfig`,
    KUBERNETES_SERVICE_HOST: env['KUBERNETES_SERVICE_HOST'] ?? '',
    KUBERNETES_SERVICE_PORT: env['KUBERNETES_SERVICE_PORT'] ?? '',
    ETCD_ENDPOINTS: env['ETCD_ENDPOINTS'] ?? '',
    ETCD_DISCOVERY_SRV: env['ETCD_DISCOVERY_SRV'] ?? '',
    ETCD_KEY_FILE: env['CNI_CONF_ETCD_KEY'] || asset('etcd-key'),
    ETCD_CERT_FILE: env['CNI_CONF_ETCD_CERT'] || asset('etcd-cert'),
    ETCD_CA_CERT_FILE: env['CNI_CONF_ETCD_CA'] || asset('etcd-ca'),
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
