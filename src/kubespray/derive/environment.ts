/**
 * The environment of calico-node, in the order of the manifest.
 * Upstream: kubernetes-sigs/kubespray: roles/network_plugin/calico/templates/calico-node.yml.j2.
 */
import type { ClusterPlan, EnvEntry } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import { compareVersions } from '../template/tests.ts';
import { Float, isMapping, text } from '../values/value.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ClusterSettings } from './settings.ts';

/** An entry of the daemon: a value, or a field of the pod. */
export type DaemonEntry = ClusterPlan['daemonEnvironment'][number];

/** Where the etcd certificates of the agent are. */
export interface CertificatePaths {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The cluster type that the agent reports. */
export function clusterType(view: ClusterView, settings: ClusterSettings): string {
  if (view.since('2.19')) return 'k8s,bgp';
  return settings.backendSet ? 'kubespray' : 'kubespray,bgp';
}

/** The environment as the manifest has it. `certificates` is undefined for etcd without TLS. */
export function daemonEnvironment(
  view: ClusterView,
  settings: ClusterSettings,
  certificates: CertificatePaths | undefined,
): readonly DaemonEntry[] {
  const first = view.first();
  const entries: DaemonEntry[] = [];
  const get = (name: string) => view.text(first, name) ?? '';
  const put = (name: string, value: string) => void entries.push({ name, value });
  const field = (name: string, fieldRef: string) => void entries.push({ name, fieldRef });
  const defined = (name: string) => view.value(first, name) !== undefined;

  if (settings.datastore === 'etcd') {
    put('ETCD_ENDPOINTS', get('etcd_access_addresses'));
    if (certificates) {
      put('ETCD_CA_CERT_FILE', certificates.ca);
      put('ETCD_KEY_FILE', certificates.key);
      put('ETCD_CERT_FILE', certificates.cert);
    }
  } else {
    put('DATASTORE_TYPE', 'kubernetes');
    if (view.flag(first, 'typha_enabled')) {
      put('FELIX_TYPHAK8SSERVICENAME', 'calico-typha');
      if (view.flag(first, 'typha_secure')) {
        put('FELIX_TYPHACN', 'typha-server');
        put('FELIX_TYPHACAFILE', '/etc/typha-ca/ca.crt');
        put('FELIX_TYPHACERTFILE', '/etc/typha-client/typha-client.crt');
        put('FELIX_TYPHAKEYFILE', '/etc/typha-client/typha-client.key');
      }
    }
    put('WAIT_FOR_DATASTORE', 'true');
  }
  if (view.since('2.15') && settings.backend === 'vxlan') {
    put('FELIX_VXLANVNI', get('calico_vxlan_vni'));
    put('FELIX_VXLANPORT', get('calico_vxlan_port'));
  }
  put('CALICO_NETWORKING_BACKEND', settings.backend);
  put('CLUSTER_TYPE', clusterType(view, settings));
  field('CALICO_K8S_NODE_REF', 'spec.nodeName');
  put('CALICO_DISABLE_FILE_LOGGING', 'true');
  put('FELIX_DEFAULTENDPOINTTOHOSTACTION', view.text(first, 'calico_endpoint_to_host_action') ?? 'RETURN');
  put('FELIX_HEALTHHOST', get('calico_healthhost'));
  if (get('kube_proxy_mode') === 'ipvs' && defined('kube_apiserver_node_port_range'))
    put('FELIX_KUBENODEPORTRANGES', nodePortRange(get('kube_apiserver_node_port_range')));
  if (compareVersions(get('calico_version'), 'v3.8.1', '>='))
    put('FELIX_IPTABLESBACKEND', get('calico_iptables_backend'));
  put('FELIX_IPTABLESLOCKTIMEOUTSECS', get('calico_iptables_lock_timeout_secs'));
  const tunnelMtu = defined('calico_veth_mtu') ? get('calico_veth_mtu') : get('calico_mtu');
  if (!view.since('2.15') && defined('calico_veth_mtu')) put('FELIX_WIREGUARDMTU', get('calico_veth_mtu'));
  put('CALICO_IPV4POOL_IPIP', get('calico_ipv4pool_ipip'));
  if (view.since('2.19')) put('CALICO_IPV4POOL_VXLAN', 'Never');
  put('FELIX_IPV6SUPPORT', view.since('2.16') ? (settings.ipv6 ? 'True' : 'False') : 'false');
  put('FELIX_LOGSEVERITYSCREEN', get('calico_loglevel'));
  if (view.since('2.19')) put('CALICO_STARTUP_LOGLEVEL', get('calico_node_startup_loglevel'));
  put('FELIX_USAGEREPORTINGENABLED', get('calico_usage_reporting'));
  if (view.since('2.29')) put('FELIX_NFTABLESMODE', get('calico_nftable_mode'));
  if (defined('calico_mtu')) {
    put('FELIX_IPINIPMTU', tunnelMtu);
    if (view.since('2.15')) {
      put('FELIX_VXLANMTU', tunnelMtu);
      put('FELIX_WIREGUARDMTU', tunnelMtu);
    }
  }
  put('FELIX_CHAININSERTMODE', get('calico_felix_chaininsertmode'));
  put('FELIX_PROMETHEUSMETRICSENABLED', get('calico_felix_prometheusmetricsenabled'));
  put('FELIX_PROMETHEUSMETRICSPORT', get('calico_felix_prometheusmetricsport'));
  put('FELIX_PROMETHEUSGOMETRICSENABLED', get('calico_felix_prometheusgometricsenabled'));
  put('FELIX_PROMETHEUSPROCESSMETRICSENABLED', get('calico_felix_prometheusprocessmetricsenabled'));
  if (!view.since('2.15') && settings.advertised.clusterIPs.length > 0)
    put('CALICO_ADVERTISE_CLUSTER_IPS', settings.advertised.clusterIPs.join(','));
  addressDetection(view, settings, put, field);
  if (view.flag(first, 'calico_use_default_route_src_ipaddr'))
    field('FELIX_DEVICEROUTESOURCEADDRESS', 'status.hostIP');
  field('NODENAME', 'spec.nodeName');
  put('FELIX_HEALTHENABLED', 'true');
  put('FELIX_IGNORELOOSERPF', get('calico_node_ignorelooserpf'));
  if (view.since('2.19')) put('CALICO_MANAGE_CNI', 'true');
  if (view.since('2.20') && defined('calico_felix_mtu_iface_pattern'))
    put('FELIX_MTUIFACEPATTERN', get('calico_felix_mtu_iface_pattern'));
  const extra = view.value(first, 'calico_node_extra_envs');
  if (isMapping(extra)) for (const [name, value] of extra) put(name, text(value));
  return entries;
}

function addressDetection(
  view: ClusterView,
  settings: ClusterSettings,
  put: (name: string, value: string) => void,
  field: (name: string, fieldRef: string) => void,
): void {
  const first = view.first();
  const method = view.text(first, 'calico_ip_auto_method');
  if (method !== undefined) put('IP_AUTODETECTION_METHOD', method);
  else if (view.since('2.15')) {
    field('NODEIP', 'status.hostIP');
    put('IP_AUTODETECTION_METHOD', 'can-reach=$(NODEIP)');
  } else {
    field('IP', 'status.hostIP');
    return;
  }
  put('IP', settings.ipv4 ? 'autodetect' : 'none');
  if (settings.ipv6) {
    const six = view.text(first, 'calico_ip6_auto_method');
    if (six !== undefined) put('IP6_AUTODETECTION_METHOD', six);
    put('IP6', 'autodetect');
  }
}

/** `30000-32767` as Felix wants it. */
function nodePortRange(range: string): string {
  return range.replace('-', ':');
}

/** The environment on one host: fields of the pod become its name and address, later entries win. */
export function hostEnvironment(
  entries: readonly DaemonEntry[],
  nodeName: string,
  address: string,
): readonly EnvEntry[] {
  const result = new Map<string, string>();
  const fields: Readonly<Record<string, string>> = { 'spec.nodeName': nodeName, 'status.hostIP': address };
  for (const entry of entries) {
    const value = 'fieldRef' in entry ? (fields[entry.fieldRef] ?? '') : entry.value;
    result.delete(entry.name);
    result.set(entry.name, value.replaceAll('$(NODEIP)', address));
  }
  return [...result].map(([name, value]) => ({ name, value }));
}

/** The MTU in the CNI configuration: only a real number counts. */
export function cniMtu(view: ClusterView, host: Host): number | null {
  const value = view.value(host, 'calico_mtu');
  if (typeof value === 'number') return value;
  return value instanceof Float ? value.value : null;
}
