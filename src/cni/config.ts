/** The plugin's configuration (NetConf). Upstream: cni-plugin/pkg/types/types.go. */
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { messageOf } from '../errors.ts';
import type { CniCall } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';

/** A configuration, with defaults. `ipam` is kept as it is, for plugins that are delegated to. */
export interface NetConf {
  readonly name: string;
  readonly nodename: string;
  readonly hostname: string;
  readonly nodenameFile: string;
  readonly nodenameFileOptional: boolean;
  readonly datastoreType: string;
  /** Fields of the datastore client's configuration that are given here: they win over the environment. */
  readonly datastore: Readonly<Record<string, string>>;
  readonly mtu: number;
  readonly requireMtuFile: boolean;
  readonly queues: number;
  readonly ipam: Readonly<Record<string, unknown>>;
  readonly ipamType: string;
  readonly assignIpv4: boolean;
  readonly assignIpv6: boolean;
  readonly ipv4Pools: readonly string[];
  readonly ipv6Pools: readonly string[];
  readonly policyType: string;
  readonly kubernetes: { readonly kubeconfig: string; readonly apiRoot: string; readonly nodeName: string };
  readonly policy: Readonly<Record<string, string>>;
  readonly allowIpForwarding: boolean;
  readonly includeDefaultRoutes: boolean;
  readonly ipAddrsNoIpam: boolean;
  readonly floatingIps: boolean;
  readonly dataplaneType: string;
  readonly readinessGates: readonly string[];
  readonly policyTimeoutSeconds: number;
  readonly endpointStatusDir: string;
  readonly mesosLabels: readonly { readonly key: string; readonly value: string }[];
  readonly socket: string;
}

/** Where calico-node listens when neither configuration nor environment says otherwise. */
export const defaultSocket = '/var/run/calico/cni.sock';
const defaultNodenameFile = '/var/lib/calico/nodename';
const mtuFile = '/var/lib/calico/mtu';

const datastoreFields: Readonly<Record<string, string>> = {
  etcd_endpoints: 'etcdEndpoints',
  etcd_discovery_srv: 'etcdDiscoverySrv',
  etcd_key_file: 'etcdKeyFile',
  etcd_cert_file: 'etcdCertFile',
  etcd_ca_cert_file: 'etcdCACertFile',
};

/** Reads the configuration of a call. @throws CniError with upstream's words for fields of a wrong type */
export function readNetConf(call: CniCall): NetConf {
  const root = new Section(call.config, call.name === '' ? '' : 'NetConf', '');
  const ipam = root.section('ipam');
  const kubernetes = root.section('kubernetes');
  const policy = root.section('policy');
  const features = root.section('feature_control');
  return {
    name: call.name,
    nodename: root.text('nodename'),
    hostname: root.text('hostname'),
    nodenameFile: root.text('nodename_file') || defaultNodenameFile,
    nodenameFileOptional: root.flag('nodename_file_optional'),
    datastoreType: root.text('datastore_type'),
    datastore: Object.fromEntries(
      Object.entries(datastoreFields)
        .map(([json, field]) => [field, root.text(json)] as const)
        .filter(([, value]) => value !== ''),
    ),
    mtu: root.number('mtu'),
    requireMtuFile: root.flag('require_mtu_file'),
    queues: root.number('num_queues') || 1,
    ipam: ipam.value,
    ipamType: ipam.text('type'),
    assignIpv4: ipam.text('assign_ipv4') !== 'false',
    assignIpv6: ipam.text('assign_ipv6') === 'true',
    ipv4Pools: ipam.texts('ipv4_pools'),
    ipv6Pools: ipam.texts('ipv6_pools'),
    policyType: policy.text('type'),
    policy: Object.fromEntries(Object.entries(policy.value).map(([key, value]) => [key, String(value)])),
    kubernetes: {
      kubeconfig: kubernetes.text('kubeconfig'),
      apiRoot: kubernetes.text('k8s_api_root') || policy.text('k8s_api_root'),
      nodeName: kubernetes.text('node_name'),
    },
    allowIpForwarding: root.section('container_settings').flag('allow_ip_forwarding'),
    includeDefaultRoutes: root.flag('include_default_routes'),
    ipAddrsNoIpam: features.flag('ip_addrs_no_ipam'),
    floatingIps: features.flag('floating_ips'),
    dataplaneType: root.section('dataplane_options').text('type'),
    readinessGates: root.texts('readiness_gates'),
    policyTimeoutSeconds: root.number('policy_setup_timeout_seconds'),
    endpointStatusDir: root.text('endpoint_status_dir') || '/var/run/calico/endpoint-status',
    mesosLabels: root
      .section('args')
      .section('org.apache.mesos')
      .section('network_info')
      .section('labels')
      .sections('labels')
      .map((label) => ({ key: label.text('key'), value: label.text('value') })),
    socket: root.text('calico_socket'),
  };
}

/** One object of the configuration, read with the type errors of Go's decoder. */
class Section {
  readonly value: Readonly<Record<string, unknown>>;
  readonly #type: string;
  readonly #path: string;

  constructor(value: Readonly<Record<string, unknown>>, type: string, path: string) {
    this.value = value;
    this.#type = type;
    this.#path = path;
  }

  text(name: string): string {
    const value = this.value[name];
    if (value === undefined || value === null) return '';
    return typeof value === 'string' ? value : this.#refuse(name, value, 'string');
  }

  number(name: string): number {
    const value = this.value[name];
    if (value === undefined || value === null) return 0;
    return typeof value === 'number' && Number.isInteger(value) ? value : this.#refuse(name, value, 'int');
  }

  flag(name: string): boolean {
    const value = this.value[name];
    if (value === undefined || value === null) return false;
    return typeof value === 'boolean' ? value : this.#refuse(name, value, 'bool');
  }

  texts(name: string): readonly string[] {
    const value = this.value[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return this.#refuse(name, value, '[]string');
    return value.map((item) => (typeof item === 'string' ? item : this.#refuse(name, item, 'string')));
  }

  section(name: string): Section {
    const value = this.value[name];
    if (value === undefined || value === null) return new Section({}, this.#type, `${this.#path}${name}.`);
    if (typeof value !== 'object' || Array.isArray(value)) return this.#refuse(name, value, 'struct');
    return new Section(value as Readonly<Record<string, unknown>>, this.#type, `${this.#path}${name}.`);
  }

  sections(name: string): readonly Section[] {
    const value = this.value[name];
    if (!Array.isArray(value)) return [];
    return value
      .filter((item) => typeof item === 'object' && item !== null)
      .map(
        (item) => new Section(item as Readonly<Record<string, unknown>>, this.#type, `${this.#path}${name}.`),
      );
  }

  #refuse(name: string, value: unknown, wanted: string): never {
    const type = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'number' && wanted === 'int'
          ? `number ${value}`
          : typeof value;
    // Go names the outermost struct only for fields of its own.
    const owner = this.#path === '' ? `${this.#type}.` : '.';
    throw new CniError(
      cniCode.other,
      `failed to load netconf: json: cannot unmarshal ${type} into Go struct field ${owner}${this.#path}${name} of type ${wanted}`,
    );
  }
}

/**
 * The node's name: `nodename`, the nodename file (not trimmed), `hostname`, the host's name in lower case. The file
 * must exist unless it is optional: it is there once calico-node has started.
 * @throws CniError
 */
export function nodeNameOf(conf: NetConf): string {
  if (!conf.nodenameFileOptional) {
    try {
      statSync(conf.nodenameFile);
    } catch {
      const hint = 'check that the calico/node container is running and has mounted /var/lib/calico/';
      throw new CniError(cniCode.other, `stat ${conf.nodenameFile}: no such file or directory: ${hint}`);
    }
  }
  return conf.nodename || readOptional(conf.nodenameFile) || conf.hostname || hostname().trim().toLowerCase();
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** MTU of the pod's interface: the configured one, or what calico-node wrote; 0 leaves it to the kernel. @throws CniError */
export function mtuOf(conf: NetConf): number {
  if (conf.mtu !== 0) return conf.mtu;
  let text: string;
  try {
    text = readFileSync(mtuFile, 'utf8');
  } catch (error) {
    if (!conf.requireMtuFile) return 0;
    const absent = messageOf(error).includes('ENOENT');
    const reason = absent ? `open ${mtuFile}: no such file or directory` : messageOf(error);
    throw new CniError(cniCode.other, `failed to read MTU file: ${reason}`);
  }
  if (/^[-+]?\d+$/.test(text.trim())) return Number(text);
  const shown = JSON.stringify(text.trim());
  throw new CniError(
    cniCode.other,
    `failed to read MTU file: strconv.Atoi: parsing ${shown}: invalid syntax`,
  );
}
