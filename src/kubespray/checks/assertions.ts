/**
 * Kubespray's own assertions, in its words.
 * Upstream: kubernetes-sigs/kubespray: roles/kubernetes/preinstall/tasks/0020-verify-settings.yml,
 * roles/network_plugin/calico/tasks/check.yml.
 */
import { cidrCovers, tryParseAddress, tryParseCidr } from '../../ip/index.ts';
import type { Finding } from '../cluster-plan.ts';
import { pastedAs } from '../derive/numbers.ts';
import type { Host } from '../inventory/index.ts';
import { isNetworkRange } from '../template/ip-filter.ts';
import { compareVersions } from '../template/tests.ts';
import { isRead, variableNamed } from '../variables/index.ts';
import { type Check, type CheckInput, finding } from './check.ts';

const networkPlugins = [
  'calico',
  'canal',
  'flannel',
  'weave',
  'cloud',
  'cilium',
  'cni',
  'contiv',
  'ovn4nfv',
  'kube-ovn',
  'kube-router',
  'macvlan',
  'custom_cni',
  'none',
];

/** Asserts of the preinstall role: `ignore_assert_errors` skips most of them. */
export const preinstallAssertions: Check = (input) => {
  const { view } = input;
  const first = view.first();
  const findings: Finding[] = [];
  const ignored = view.flag(first, 'ignore_assert_errors');
  const fail = (code: string, message: string, cure: string, variable?: string) =>
    findings.push(
      finding('error', code, message, {
        cure,
        kubespray: true,
        ...(variable === undefined ? {} : { at: [view, first, variable] as const }),
      }),
    );
  const get = (name: string) => view.text(first, name);

  for (const role of view.since('2.28')
    ? (['controlPlane'] as const)
    : (['controlPlane', 'node', 'etcd'] as const))
    if (view.group(role).length === 0)
      fail(
        'empty-group',
        `the group ${view.groupName(role)} is empty`,
        `Put at least one host into [${view.groupName(role)}].`,
      );
  const plugin = get('kube_network_plugin') ?? '';
  if (!networkPlugins.includes(plugin))
    fail(
      'network-plugin',
      `${plugin} is not supported`,
      'Set kube_network_plugin: calico.',
      'kube_network_plugin',
    );
  else if (plugin !== 'calico')
    fail(
      'network-plugin',
      `kube_network_plugin is ${plugin}: this is not a Calico network`,
      'Set kube_network_plugin: calico.',
      'kube_network_plugin',
    );
  if (!ignored && view.etcdHosts().length % 2 === 0 && view.etcdHosts().length > 0)
    fail(
      'etcd-even',
      `the group etcd has ${view.etcdHosts().length} hosts; an even number is refused`,
      'Use 1, 3 or 5 hosts: an even member adds no tolerance of failures.',
    );
  cloudProvider(input, fail);
  for (const name of ['kube_pods_subnet', 'kube_service_addresses']) {
    const value = get(name) ?? '';
    if (!isNetworkRange(value))
      fail(
        name,
        `${name} = '${value}' is not a valid network range`,
        'Write the network address with its prefix, for example 10.233.64.0/18.',
        name,
      );
  }
  const [pods, services] = [
    tryParseCidr(get('kube_pods_subnet') ?? ''),
    tryParseCidr(get('kube_service_addresses') ?? ''),
  ];
  if (pods && services && cidrCovers(services, pods))
    fail(
      'subnets',
      'kube_pods_subnet cannot be the same network segment as kube_service_addresses',
      'Choose ranges that do not overlap.',
      'kube_pods_subnet',
    );
  const mode = get('kube_proxy_mode') ?? '';
  if (!['iptables', 'ipvs', ...(view.since('2.31') ? ['nftables'] : [])].includes(mode))
    fail(
      'kube-proxy-mode',
      "kube_proxy_mode can only be 'iptables' or 'ipvs'",
      'Set one of them.',
      'kube_proxy_mode',
    );
  const clusterId = get('cluster_id');
  const badId = view.since('2.25') && clusterId !== undefined && tryParseAddress(clusterId)?.version !== 4;
  if (view.group('reflector').length > 0 && (clusterId === undefined || badId) && first !== undefined)
    fail(
      'cluster-id',
      view.since('2.25')
        ? 'A unique cluster_id is required if using calico_rr, and it must be a valid IPv4 address'
        : 'A unique cluster_id is required if using calico_rr',
      'Set cluster_id for the reflectors and for the first control-plane host, for example cluster_id="1.0.0.1" in the [vars] of a group that holds both.',
      'cluster_id',
    );
  for (const host of view.loaded.inventory.hostsOf('all'))
    if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(host.name))
      findings.push(
        finding(
          'error',
          'hostname',
          "Hostname must consist of lower case alphanumeric characters, '.' or '-', and must start and end with an alphanumeric character",
          {
            cure: `Rename ${host.name}.`,
            hosts: [host],
            kubespray: true,
          },
        ),
      );
  return findings;
};

function cloudProvider(
  { view }: CheckInput,
  fail: (code: string, message: string, cure: string, variable?: string) => void,
): void {
  const cloud = view.text(view.first(), 'cloud_provider');
  if (cloud === undefined || cloud === '') return;
  if (view.since('2.28')) {
    if (cloud !== 'external')
      fail(
        'cloud-provider',
        `cloud_provider is '${cloud}'; this release knows only 'external'`,
        'Set cloud_provider: external, or leave it out.',
        'cloud_provider',
      );
    return;
  }
  const spec = variableNamed('cloud_provider');
  if (!spec?.allowed?.includes(cloud))
    fail('cloud-provider', spec?.message ?? '', 'Correct or remove cloud_provider.', 'cloud_provider');
  if (cloud === 'azure')
    fail(
      'cloud-azure',
      'Azure and Calico are not compatible. See https://github.com/projectcalico/calicoctl/issues/949 for details.',
      'Leave cloud_provider out and use VXLAN (calico_vxlan_mode: Always, calico_ipip_mode: Never).',
      'cloud_provider',
    );
}

/** Asserts of the Calico role. */
export const calicoAssertions: Check = ({ view, plan, settings }) => {
  const first = view.first();
  const findings: Finding[] = [];
  const fail = (code: string, message: string, cure: string, variable: string, hosts?: readonly Host[]) =>
    findings.push(
      finding('error', code, message, {
        cure,
        kubespray: true,
        at: [view, first, variable],
        ...(hosts ? { hosts } : {}),
      }),
    );
  const get = (name: string) => view.text(first, name) ?? '';

  // Variables of the table whose values are listed, in Kubespray's words where it has some.
  for (const name of [
    'calico_network_backend',
    'calico_ipip_mode',
    'calico_vxlan_mode',
    'calico_ipip_mode_ipv6',
    'calico_vxlan_mode_ipv6',
  ]) {
    const spec = variableNamed(name);
    const value = view.text(first, name);
    if (!spec || value === undefined || !isRead(spec, view.release) || spec.allowed?.includes(value))
      continue;
    fail(
      name,
      spec.message ?? '',
      `Set ${name} to one of ${spec.allowed?.join(', ')}: it is '${value}'.`,
      name,
    );
  }
  if (
    !settings.cloudDefault &&
    get('calico_ipip_mode') !== 'Never' &&
    get('calico_vxlan_mode') !== 'Never' &&
    get('calico_ipip_mode') !== ''
  )
    fail(
      'encapsulation',
      'IP in IP and VXLAN mode is mutualy exclusive modes',
      "Set one of calico_ipip_mode and calico_vxlan_mode to 'Never'.",
      'calico_vxlan_mode',
    );
  if (view.since('2.19'))
    for (const name of ['ipip', 'ipip_mode'])
      if (first && view.isSet(first, name))
        fail(name, variableNamed(name)?.message ?? '', `Replace ${name}.`, name);
  if (!['etcd', 'kdd'].includes(get('calico_datastore')))
    fail(
      'calico-datastore',
      `calico_datastore is '${get('calico_datastore')}': it can only be etcd or kdd`,
      'Set calico_datastore: etcd or kdd.',
      'calico_datastore',
    );
  if (view.flag(first, 'typha_enabled') && settings.datastore !== 'kdd')
    fail(
      'typha',
      'When using typha you need to use the kubernetes datastore',
      'Set calico_datastore: kdd, or typha_enabled: false.',
      'typha_enabled',
    );
  const poolName = get('calico_pool_name');
  if (!/^[a-zA-Z0-9\-_.\\]{2,63}$/.test(poolName))
    fail(
      'pool-name',
      'calico_pool_name contains invalid characters',
      'Use lower case letters, digits, "-" and ".".',
      'calico_pool_name',
    );
  else if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(poolName))
    findings.push(
      finding(
        'error',
        'pool-name',
        `calico_pool_name '${poolName}' passes Kubespray's check, but Calico refuses it as a name`,
        {
          cure: 'Use lower case letters, digits, "-" and ".", beginning and ending with a letter or digit.',
          at: [view, first, 'calico_pool_name'],
        },
      ),
    );
  if (compareVersions(get('calico_version'), 'v3.0.0', '<'))
    fail(
      'calico-version',
      'calico_version is too low. Minimum version v3.0.0',
      'Remove calico_version: the release has its own.',
      'calico_version',
    );
  const pairs = [
    ['calico_pool_cidr', 'kube_pods_subnet'],
    ['calico_pool_cidr_ipv6', 'kube_pods_subnet_ipv6'],
  ] as const;
  for (const [inner, outer] of pairs) {
    const [a, b] = [view.text(first, inner), view.text(first, outer)];
    if (a === undefined || b === undefined) continue;
    const [pool, pods] = [tryParseCidr(a), tryParseCidr(b)];
    if (!pool || (pods && !cidrCovers(pods, pool)))
      fail(
        'pool-cidr',
        `${a} is not within or equal to ${b}`,
        `Choose a range inside ${b}, or enlarge ${outer} on a new cluster.`,
        inner,
      );
  }
  const globalAs = pastedAs(view.value(first, 'global_as_num') ?? '');
  if (globalAs.kind === 'invalid' || globalAs.number === 0)
    fail(
      'global-as',
      `global_as_num: invalid AS Number format (${get('global_as_num')})`,
      'Write a number from 1 to 4294967295; asdot notation is not possible here.',
      'global_as_num',
    );
  else if (globalAs.suspicious !== undefined)
    findings.push(
      finding('error', 'global-as', `global_as_num: ${globalAs.suspicious}`, {
        cure: 'Write the number without a leading zero and without separators.',
        at: [view, first, 'global_as_num'],
      }),
    );
  if (view.group('reflector').length > 0) {
    const members = new Set(plan.hosts.filter((host) => host.runsNode).map((host) => host.name));
    const outside = view.group('reflector').filter((host) => !members.has(host.name));
    if (outside.length > 0)
      fail(
        'rr-not-child',
        `${view.groupName('reflector')} must be a child group of ${view.groupName('cluster')} group`,
        `Add ${view.groupName('reflector')} to [${view.groupName('cluster')}:children].`,
        'cluster_id',
        outside,
      );
  }
  return findings;
};
