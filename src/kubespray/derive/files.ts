/** Files of a host. Upstream: kubernetes-sigs/kubespray: roles/network_plugin/calico/{tasks,templates}. */
import type { HostFile } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import { isMapping, text, toJson, type Value } from '../values/value.ts';
import type { ClusterView } from './cluster-view.ts';
import { cniMtu } from './environment.ts';
import type { ClusterSettings } from './settings.ts';

/** The CNI configuration as Kubespray renders it. */
export function cniConfiguration(
  view: ClusterView,
  settings: ClusterSettings,
  host: Host,
  tls: boolean,
): Readonly<Record<string, unknown>> {
  const modern = view.since('2.19');
  const get = (name: string) => view.text(host, name) ?? '';
  const cloud = get('cloud_provider') !== '';
  const etcd = settings.datastore === 'etcd';
  const certificates = get('calico_cert_dir');
  const kubernetesName = '__KUBERNETES_NODE_NAME__';
  const nodename = etcd
    ? { nodename: cloud ? kubernetesName : get('calico_baremetal_nodename') }
    : { nodename: kubernetesName };
  const mtu = cniMtu(view, host);
  const features = view.value(host, 'calico_feature_control');
  const addresses = {
    ...(settings.ipv4 ? { assign_ipv4: 'true' } : {}),
    ...(settings.ipv6 ? { assign_ipv6: 'true' } : {}),
  };
  const ipam = view.flag(host, 'calico_ipam_host_local')
    ? { type: 'host-local', subnet: 'usePodCidr' }
    : {
        type: 'calico-ipam',
        ...addresses,
        ...(modern ? {} : { ipv4_pools: [view.text(host, 'calico_pool_cidr') ?? get('kube_pods_subnet')] }),
      };
  const calico = {
    ...(modern && etcd ? {} : nodename),
    type: 'calico',
    log_level: 'info',
    ...(view.since('2.20') ? { log_file_path: get('calico_cni_log_file_path') } : {}),
    ...(etcd
      ? {
          etcd_endpoints: get('etcd_access_addresses'),
          ...(tls && {
            etcd_cert_file: `${certificates}/cert.crt`,
            etcd_key_file: `${certificates}/key.pem`,
            etcd_ca_cert_file: `${certificates}/ca_cert.crt`,
          }),
        }
      : { datastore_type: 'kubernetes' }),
    ipam,
    ...(isMapping(features) && features.size > 0 ? { feature_control: featureControl(features) } : {}),
    ...(view.flag(host, 'calico_allow_ip_forwarding')
      ? { container_settings: { allow_ip_forwarding: true } }
      : {}),
    ...(view.flag(host, 'enable_network_policy') ? { policy: { type: 'k8s' } } : {}),
    ...(mtu === null ? {} : { mtu }),
    kubernetes: { kubeconfig: '__KUBECONFIG_FILEPATH__' },
  };
  return {
    name: modern ? get('calico_cni_name') : 'cni0',
    cniVersion: '0.3.1',
    plugins: [
      calico,
      { type: 'portmap', capabilities: { portMappings: true } },
      ...(modern ? [{ type: 'bandwidth', capabilities: { bandwidth: true } }] : []),
    ],
  };
}

function featureControl(features: ReadonlyMap<string, Value>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...features].map(([name, value]) => [
      name,
      typeof value === 'boolean' ? value : text(toJson(value) as Value),
    ]),
  );
}

/** Variables that calicoctl.sh sets. */
export function calicoctlEnvironment(
  view: ClusterView,
  settings: ClusterSettings,
  host: Host,
  tls: boolean,
): readonly (readonly [string, string])[] {
  if (settings.datastore === 'kdd')
    return [
      ['DATASTORE_TYPE', 'kubernetes'],
      [
        'KUBECONFIG',
        view.group('controlPlane').includes(host)
          ? '/etc/kubernetes/admin.conf'
          : '/etc/cni/net.d/calico-kubeconfig',
      ],
    ];
  const certificates = view.text(host, 'calico_cert_dir') ?? '';
  const etcd = ['ETCD_ENDPOINTS', view.text(host, 'etcd_access_addresses') ?? ''] as const;
  return tls
    ? [
        etcd,
        ['ETCD_CA_CERT_FILE', `${certificates}/ca_cert.crt`],
        ['ETCD_CERT_FILE', `${certificates}/cert.crt`],
        ['ETCD_KEY_FILE', `${certificates}/key.pem`],
      ]
    : [etcd];
}

/** Everything that a host of the cluster needs on its disk, beside the programs. */
export function hostFiles(
  view: ClusterView,
  settings: ClusterSettings,
  host: Host,
  nodeName: string,
  tls: boolean,
): readonly HostFile[] {
  const get = (name: string) => view.text(host, name) ?? '';
  const binDir = get('bin_dir');
  const files: HostFile[] = [];
  const certificates = get('calico_cert_dir');
  if (settings.datastore === 'etcd' && tls) {
    const link = (name: string, source: string) =>
      void files.push({
        kind: 'link',
        path: `${certificates}/${name}`,
        mode: 0o644,
        target: `${get('etcd_cert_dir')}/${get(source)}`,
      });
    link('ca_cert.crt', 'kube_etcd_cacert_file');
    link('cert.crt', 'kube_etcd_cert_file');
    link('key.pem', 'kube_etcd_key_file');
  }
  const installed = JSON.stringify(cniConfiguration(view, settings, host, tls), null, 2)
    .replaceAll('__KUBECONFIG_FILEPATH__', '/etc/cni/net.d/calico-kubeconfig')
    .replaceAll('__KUBERNETES_NODE_NAME__', nodeName);
  files.push({
    kind: 'content',
    path: '/etc/cni/net.d/10-calico.conflist',
    mode: 0o644,
    owner: 'root',
    content: `${installed}\n`,
  });
  const exports = calicoctlEnvironment(view, settings, host, tls)
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join('');
  const mismatch = view.since('2.17') ? ' --allow-version-mismatch' : '';
  files.push({
    kind: 'content',
    path: `${binDir}/calicoctl.sh`,
    mode: 0o755,
    owner: 'root',
    content: `#!/bin/sh\n# calicoctl with the credentials of this host\n${exports}exec ${shellQuote(`${binDir}/calicoctl`)}${mismatch} "$@"\n`,
  });
  return files;
}

/** A word for a shell script: a value from an inventory must stay a value. */
function shellQuote(value: string): string {
  return /^[\w/:.,@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
