/** Variables of the Calico role: pools, encapsulation, backend. Upstream: kubernetes-sigs/kubespray: roles/network_plugin/calico. */
import { row, type VariableSpec } from './variable.ts';

const modes = ['Always', 'CrossSubnet', 'Never'] as const;
const modeMessage = "calico inter host encapsulation mode is not 'Always', 'CrossSubnet' or 'Never'";
const legacy = (name: string) =>
  `'${name}' configuration variable is deprecated, please configure your inventory with 'calico_ipip_mode' set to 'Always' or 'CrossSubnet' according to your specific needs`;

/** The rows. */
export const calicoVariables: readonly VariableSpec[] = [
  row(
    'calico_version',
    'text',
    'cluster',
    [
      ['2.14', 'v3.15.2'],
      ['2.15', 'v3.16.5'],
      ['2.16', 'v3.17.4'],
      ['2.17', 'v3.19.2'],
      ['2.18', 'v3.20.3'],
      ['2.19', 'v3.22.3'],
      ['2.20', 'v3.23.3'],
      ['2.23', 'v3.25.2'],
      ['2.24', 'v3.26.4'],
      ['2.25', 'v3.27.3'],
      ['2.26', 'v3.28.1'],
      ['2.27', 'v3.29.1'],
      ['2.28', '3.29.3'],
      ['2.29', '3.30.3'],
      ['2.30', '3.30.6'],
      ['2.31', '3.31.5'],
    ],
    'version of images and templates',
    'Calico release whose behaviour is asked for.',
    { message: 'calico_version is too low. Minimum version v3.0.0' },
  ),
  ...['cni', 'ctl', 'policy', 'typha'].map((part) =>
    row(
      `calico_${part}_version`,
      'text',
      'cluster',
      '{{ calico_version }}',
      'version of binaries',
      `Version of the ${part} component.`,
      { unused: 'deploy' },
    ),
  ),
  row(
    'calico_datastore',
    'text',
    'host',
    [
      ['2.14', 'etcd'],
      ['2.15', 'kdd'],
    ],
    'DATASTORE_TYPE, ETCD_*, calicoctl.sh, CNI configuration',
    'Where Calico keeps its resources: `etcd`, or `kdd` for the Kubernetes API.',
    { allowed: ['etcd', 'kdd'] },
  ),
  row(
    'calico_pool_name',
    'text',
    'cluster',
    'default-pool',
    'IPPool metadata.name',
    'Name of the default pool.',
    {
      message: 'calico_pool_name contains invalid characters',
    },
  ),
  row(
    'calico_pool_cidr',
    'cidr',
    'cluster',
    undefined,
    'IPPool spec.cidr; CNI ipam.ipv4_pools up to 2.28',
    'Range of the default pool; kube_pods_subnet if not set, and within it.',
  ),
  row('calico_pool_cidr_ipv6', 'cidr', 'cluster', undefined, 'IPPool spec.cidr', 'The same for IPv6.', {
    since: '2.17',
  }),
  row(
    'calico_pool_blocksize',
    'integer',
    'cluster',
    [['2.20', 26]],
    'IPPool spec.blockSize',
    'Prefix length of the blocks that hosts claim; kube_network_node_prefix if not set. An existing pool keeps its own.',
  ),
  row(
    'calico_pool_blocksize_ipv6',
    'integer',
    'cluster',
    [['2.17', 122]],
    'IPPool spec.blockSize',
    'The same for IPv6.',
    {
      since: '2.17',
    },
  ),
  row('ipip', 'boolean', 'cluster', [['2.14', true]], 'default of ipip_mode', 'Old switch of IP in IP.', {
    until: '2.18',
    message: legacy('ipip'),
  }),
  row(
    'ipip_mode',
    'text',
    'cluster',
    [['2.14', "{{ 'Always' if ipip else 'Never' }}"]],
    'default of calico_ipip_mode',
    'Old name of calico_ipip_mode.',
    { until: '2.18', message: legacy('ipip_mode') },
  ),
  row(
    'calico_ipip_mode',
    'text',
    'cluster',
    [
      ['2.14', '{{ ipip_mode }}'],
      ['2.19', 'Never'],
    ],
    'IPPool spec.ipipMode',
    'IP in IP between hosts: `Always`, `CrossSubnet` or `Never`. Excludes VXLAN.',
    { allowed: modes, message: modeMessage },
  ),
  row(
    'calico_ipip_mode_ipv6',
    'text',
    'cluster',
    [['2.17', 'Never']],
    'IPPool spec.ipipMode',
    'Must be Never.',
    {
      since: '2.17',
      allowed: ['Never'],
      message: "Calico doesn't support ipip tunneling for the IPv6",
    },
  ),
  row(
    'calico_vxlan_mode',
    'text',
    'cluster',
    [
      ['2.14', 'Never'],
      ['2.19', 'Always'],
    ],
    'IPPool spec.vxlanMode',
    'VXLAN between hosts: `Always`, `CrossSubnet` or `Never`. Excludes IP in IP.',
    { allowed: modes, message: modeMessage },
  ),
  row(
    'calico_vxlan_mode_ipv6',
    'text',
    'cluster',
    [['2.17', 'Always']],
    'IPPool spec.vxlanMode',
    'The same for IPv6.',
    {
      since: '2.17',
      allowed: modes,
      message: modeMessage,
    },
  ),
  row(
    'calico_network_backend',
    'text',
    'cluster',
    [['2.19', 'vxlan']],
    'CALICO_NETWORKING_BACKEND, CLUSTER_TYPE',
    'What programs routes: `bird` (BGP), `vxlan` (no BGP) or `none` (policy only). `bird` if not set.',
    {
      allowed: ['bird', 'vxlan', 'none'],
      message: "calico network backend is not 'bird', 'vxlan' or 'none'",
    },
  ),
  row(
    'calico_ipv4pool_ipip',
    'text',
    'cluster',
    'Off',
    'CALICO_IPV4POOL_IPIP',
    'For a pool that calico-node makes itself.',
  ),
  row(
    'nat_outgoing',
    'boolean',
    'cluster',
    true,
    'IPPool spec.natOutgoing',
    'Hide pods behind the host towards addresses outside the pools. Up to 2.19 peer_with_router switches it off.',
  ),
  row(
    'nat_outgoing_ipv6',
    'boolean',
    'cluster',
    [['2.17', false]],
    'IPPool spec.natOutgoing',
    'The same for IPv6.',
    {
      since: '2.17',
    },
  ),
];
