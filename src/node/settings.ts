/**
 * The environment of calico-node as one typed value. Names and meanings are upstream's
 * (projectcalico/calico: node/pkg/lifecycle/startup); Kubespray's Python booleans are accepted in any case.
 */
import { CalicoError } from '../errors.ts';
import { type AutodetectionMethod, parseAutodetectionMethod } from './autodetect.ts';

/** Networking backend: which programs run beside the agent. Unknown values mean `bird`, as upstream. */
export type Backend = 'bird' | 'vxlan' | 'none';

/** How the address of one family is found. */
export type AddressSource =
  | { readonly kind: 'autodetect'; readonly method: AutodetectionMethod }
  /** Keep what the Node has; detect when it has none and the family asks for it. */
  | { readonly kind: 'keep'; readonly method: AutodetectionMethod }
  | { readonly kind: 'none' }
  /** An address, with or without its prefix. */
  | { readonly kind: 'fixed'; readonly text: string };

/** Settings of the default pool of one family. */
export interface DefaultPoolSettings {
  readonly cidr: string | undefined;
  readonly ipip: string;
  readonly vxlan: string;
  readonly blockSize: string | undefined;
  readonly natOutgoing: string | undefined;
  readonly nodeSelector: string;
  readonly disableBgpExport: string | undefined;
}

/** Where the daemon keeps its files; each can be moved by the environment. */
export interface NodePaths {
  readonly run: string;
  readonly lib: string;
  readonly log: string;
  readonly etc: string;
  readonly nodenameFile: string;
  readonly cniSocket: string;
}

/** Everything that start-up and the daemon read from the environment. */
export interface NodeSettings {
  readonly nodeName: string | undefined;
  readonly backend: Backend;
  readonly ip: AddressSource;
  readonly ip6: AddressSource;
  readonly asNumber: string | undefined;
  readonly k8sNodeRef: string | undefined;
  readonly clusterType: readonly string[];
  readonly waitForDatastore: boolean;
  readonly disableNodeIpCheck: boolean;
  readonly noDefaultPools: boolean;
  readonly pool4: DefaultPoolSettings;
  readonly pool6: DefaultPoolSettings;
  readonly pollSeconds: number;
  readonly disableFelix: boolean;
  readonly disableFileLogging: boolean;
  readonly manageCni: boolean;
  readonly advertiseClusterIps: readonly string[];
  readonly paths: NodePaths;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment. @throws CalicoError INPUT that names the variable and what it may be. */
export function readNodeSettings(env: Environment): NodeSettings {
  const run = env['CALICO_RUN_DIR'] ?? '/var/run/calico';
  const lib = env['CALICO_LIB_DIR'] ?? '/var/lib/calico';
  return {
    nodeName: present(env['NODENAME']),
    backend: readBackend(env),
    ip: readAddressSource(env, 'IP', 'IP_AUTODETECTION_METHOD'),
    ip6: readAddressSource(env, 'IP6', 'IP6_AUTODETECTION_METHOD'),
    asNumber: present(env['AS']),
    k8sNodeRef: present(env['CALICO_K8S_NODE_REF']),
    clusterType: list(env['CLUSTER_TYPE']),
    waitForDatastore: env['WAIT_FOR_DATASTORE'] === 'true',
    disableNodeIpCheck: isTrue(env['DISABLE_NODE_IP_CHECK']),
    noDefaultPools: isTrue(env['NO_DEFAULT_POOLS']),
    pool4: readPool(env, 'CALICO_IPV4POOL'),
    pool6: readPool(env, 'CALICO_IPV6POOL'),
    pollSeconds: readPollInterval(env['AUTODETECT_POLL_INTERVAL']),
    disableFelix: present(env['CALICO_DISABLE_FELIX']) !== undefined,
    disableFileLogging: isTrue(env['CALICO_DISABLE_FILE_LOGGING']),
    manageCni: env['CALICO_MANAGE_CNI']?.toLowerCase() !== 'false',
    advertiseClusterIps: list(env['CALICO_ADVERTISE_CLUSTER_IPS']),
    paths: {
      run,
      lib,
      log: env['CALICO_LOG_DIR'] ?? '/var/log/calico',
      etc: env['CALICO_ETC_DIR'] ?? '/etc/calico',
      nodenameFile: present(env['CALICO_NODENAME_FILE']) ?? `${lib}/nodename`,
      cniSocket: present(env['CALICO_CNI_SOCKET']) ?? `${run}/cni.sock`,
    },
  };
}

/** `true`, `1`, `yes`, `y`, `t` in any case. */
export function isTrue(text: string | undefined): boolean {
  return /^(true|1|yes|y|t)$/i.test(text ?? '');
}

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readBackend(env: Environment): Backend {
  // The predecessor of the backend setting: `false` meant policy only.
  if (env['CALICO_NETWORKING']?.toLowerCase() === 'false') return 'none';
  const text = env['CALICO_NETWORKING_BACKEND']?.toLowerCase();
  return text === 'vxlan' || text === 'none' ? text : 'bird';
}

function readAddressSource(env: Environment, variable: 'IP' | 'IP6', methodVariable: string): AddressSource {
  const method = parseAutodetectionMethod(env[methodVariable] ?? '', methodVariable);
  const text = present(env[variable]);
  if (text === undefined) return { kind: 'keep', method };
  if (text === 'none') return { kind: 'none' };
  if (text === 'autodetect') return { kind: 'autodetect', method };
  return { kind: 'fixed', text };
}

function readPool(env: Environment, prefix: string): DefaultPoolSettings {
  return {
    cidr: present(env[`${prefix}_CIDR`]),
    ipip: env[`${prefix}_IPIP`] ?? '',
    vxlan: env[`${prefix}_VXLAN`] ?? '',
    blockSize: present(env[`${prefix}_BLOCK_SIZE`]),
    natOutgoing: present(env[`${prefix}_NAT_OUTGOING`]),
    nodeSelector: env[`${prefix}_NODE_SELECTOR`] ?? '',
    disableBgpExport: present(env[`${prefix}_DISABLE_BGP_EXPORT`]),
  };
}

/** A Go duration in seconds. */
function readPollInterval(text: string | undefined): number {
  if (present(text) === undefined) return 60;
  const parts = [...text!.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text!.trim()) {
    throw new CalicoError('INPUT', `AUTODETECT_POLL_INTERVAL=${JSON.stringify(text)} is not a duration`, {
      cure: 'Write it as Go does: 60s, 1m30s, 500ms.',
    });
  }
  const unit = { ms: 0.001, s: 1, m: 60, h: 3600 } as const;
  return parts.reduce((sum, part) => sum + Number(part[1]) * unit[part[2] as keyof typeof unit], 0);
}
