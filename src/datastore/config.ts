/** How to reach the datastore, from a configuration file or the environment (libcalico-go/lib/apiconfig). */
import { existsSync, readFileSync } from 'node:fs';
import { CalicoError, messageOf } from '../errors.ts';

/** Client configuration: the fields of `CalicoAPIConfig.spec`, as text, under their names in the file. */
export interface ClientConfig {
  readonly datastoreType: 'etcdv3' | 'kubernetes';
  readonly etcdEndpoints?: string;
  readonly etcdDiscoverySrv?: string;
  readonly etcdUsername?: string;
  readonly etcdPassword?: string;
  readonly etcdKeyFile?: string;
  readonly etcdCertFile?: string;
  readonly etcdCACertFile?: string;
  readonly etcdKey?: string;
  readonly etcdCert?: string;
  readonly etcdCACert?: string;
  readonly kubeconfig?: string;
  readonly kubeconfigInline?: string;
  readonly k8sAPIEndpoint?: string;
  readonly k8sKeyFile?: string;
  readonly k8sCertFile?: string;
  readonly k8sCAFile?: string;
  readonly k8sAPIToken?: string;
  readonly k8sInsecureSkipTLSVerify?: string;
  readonly k8sDisableNodePoll?: string;
  readonly k8sUsePodCIDR?: string;
  readonly k8sCurrentContext?: string;
  readonly k8sClientQPS?: string;
  readonly k8sClientBurst?: string;
  readonly calicoAPIGroup?: string;
}

/** Field of the file → environment variable; a variable may also carry the prefix `CALICO_`, which wins. */
export const configVariables: Readonly<Record<string, string>> = {
  datastoreType: 'DATASTORE_TYPE',
  etcdEndpoints: 'ETCD_ENDPOINTS',
  etcdDiscoverySrv: 'ETCD_DISCOVERY_SRV',
  etcdUsername: 'ETCD_USERNAME',
  etcdPassword: 'ETCD_PASSWORD',
  etcdKeyFile: 'ETCD_KEY_FILE',
  etcdCertFile: 'ETCD_CERT_FILE',
  etcdCACertFile: 'ETCD_CA_CERT_FILE',
  kubeconfig: 'KUBECONFIG',
  k8sAPIEndpoint: 'K8S_API_ENDPOINT',
  k8sKeyFile: 'K8S_KEY_FILE',
  k8sCertFile: 'K8S_CERT_FILE',
  k8sCAFile: 'K8S_CA_FILE',
  k8sAPIToken: 'K8S_API_TOKEN',
  k8sInsecureSkipTLSVerify: 'K8S_INSECURE_SKIP_TLS_VERIFY',
  k8sDisableNodePoll: 'K8S_DISABLE_NODE_POLL',
  k8sUsePodCIDR: 'USE_POD_CIDR',
  k8sCurrentContext: 'K8S_CURRENT_CONTEXT',
  k8sClientQPS: 'K8S_CLIENT_QPS',
  k8sClientBurst: 'K8S_CLIENT_BURST',
  calicoAPIGroup: 'CALICO_API_GROUP',
};

/** Fields that only a file can hold. */
export const fileOnlyFields = ['etcdKey', 'etcdCert', 'etcdCACert', 'kubeconfigInline'];

/** Where calicoctl looks when nobody says otherwise. */
export const defaultConfigFile = '/etc/calico/calicoctl.cfg';

type Environment = Readonly<Record<string, string | undefined>>;

/** Configuration from the environment alone. @throws CalicoError INPUT */
export function configFromEnvironment(env: Environment): ClientConfig {
  const fields: Record<string, string> = {};
  for (const [field, variable] of Object.entries(configVariables)) {
    const value = env[`CALICO_${variable}`] || env[variable];
    if (value) fields[field] = value;
  }
  return complete(fields);
}

/**
 * Configuration as calicoctl takes it: the file if it can be read (the environment is ignored then), else the
 * environment. A file that was asked for and is missing is an error.
 * @throws CalicoError INPUT
 */
export async function loadConfig(options: {
  readonly file?: string | undefined;
  readonly env: Environment;
}): Promise<ClientConfig> {
  const file = options.file ?? defaultConfigFile;
  if (!existsSync(file)) {
    if (options.file !== undefined && options.file !== defaultConfigFile) {
      throw new CalicoError('INPUT', `Error reading config file: ${file}`, {
        cure: 'Name an existing file with --config, or set ETCD_ENDPOINTS.',
      });
    }
    return configFromEnvironment(options.env);
  }
  return parseConfig(readFileSync(file, 'utf8'), file);
}

/** Configuration from the text of a file. @throws CalicoError INPUT */
export async function parseConfig(text: string, file: string): Promise<ClientConfig> {
  // The YAML library is loaded only by those who need it: start-up time is part of every CNI call.
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new CalicoError('INPUT', `syntax error in ${file}: ${messageOf(error)}`, { cause: error });
  }
  if (!isRecord(document)) throw new CalicoError('INPUT', `syntax error in ${file}: not a configuration`);
  const { apiVersion, kind, spec = {} } = document;
  if (apiVersion !== 'projectcalico.org/v3') {
    throw new CalicoError('INPUT', `invalid config file: unknown APIVersion '${apiVersion ?? ''}'`);
  }
  if (kind !== 'CalicoAPIConfig') {
    throw new CalicoError(
      'INPUT',
      `invalid config file: expected kind 'CalicoAPIConfig', got '${kind ?? ''}'`,
    );
  }
  const unknown = Object.keys(document).find(
    (name) => !['apiVersion', 'kind', 'metadata', 'spec'].includes(name),
  );
  if (unknown !== undefined || !isRecord(spec)) {
    throw new CalicoError('INPUT', `syntax error in ${file}: unknown field "${unknown ?? 'spec'}"`);
  }
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(spec)) {
    if (!(name in configVariables) && !fileOnlyFields.includes(name)) {
      throw new CalicoError('INPUT', `syntax error in ${file}: unknown field "spec.${name}"`);
    }
    if (value !== null && value !== undefined && value !== '') fields[name] = String(value);
  }
  return complete(fields);
}

/**
 * Fills in the type and checks what excludes what. Without a type, endpoints of etcd mean etcd, a kubeconfig or an
 * API server means Kubernetes, and nothing at all means etcd.
 */
function complete(fields: Readonly<Record<string, string>>): ClientConfig {
  const kubernetes = ['kubeconfig', 'kubeconfigInline', 'k8sAPIEndpoint'].some((name) => fields[name]);
  const etcd = ['etcdEndpoints', 'etcdDiscoverySrv'].some((name) => fields[name]);
  const datastoreType = fields['datastoreType'] ?? (kubernetes && !etcd ? 'kubernetes' : 'etcdv3');
  if (datastoreType !== 'etcdv3' && datastoreType !== 'kubernetes') {
    throw new CalicoError('INPUT', `unknown datastore type: ${datastoreType}`, {
      cure: 'Use etcdv3 or kubernetes.',
    });
  }
  return { ...fields, datastoreType };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
