/** Each check: the smallest inventory that triggers it, and what it says. */
import { describe, expect, test } from 'bun:test';
import { memoryFiles } from '../inventory/index.ts';
import { planCluster } from '../plan-cluster.ts';
import { checkHostFacts, type HostFacts } from './host-facts.ts';

interface Row {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly says: string;
  /** group_vars of the cluster. */
  readonly vars?: string;
  readonly hostVars?: Readonly<Record<string, string>>;
  /** Words after the address on the line of n1. */
  readonly line?: string;
  readonly reflectors?: string;
  readonly release?: string;
  readonly inventory?: string;
}

function hostsIni({ line = '', reflectors = '', release = 'v2.14.0' }: Row): string {
  const modern = release >= 'v2.16.0';
  const [master, node, cluster, rr] = modern
    ? ['kube_control_plane', 'kube_node', 'k8s_cluster', 'calico_rr']
    : ['kube-master', 'kube-node', 'k8s-cluster', 'calico-rr'];
  return `[all]\nm1 ip=10.0.0.1\nn1 ip=10.0.0.2 ${line}\nn2 ip=10.0.0.3\nr0 ip=10.0.0.10\nr1 ip=10.0.0.11\n[${master}]\nm1\n[etcd]\nm1\n[${node}]\nn1\nn2\n[${rr}]\n${reflectors}\n[${cluster}:children]\n${master}\n${node}\n${rr}\n`;
}

function findingsOf(row: Row) {
  const group = (row.release ?? 'v2.14.0') >= 'v2.16.0' ? 'k8s_cluster' : 'k8s-cluster';
  const files: Record<string, string> = { 'hosts.ini': row.inventory ?? hostsIni(row) };
  if (row.vars !== undefined) files[`group_vars/${group}.yml`] = row.vars;
  for (const [host, text] of Object.entries(row.hostVars ?? {})) files[`host_vars/${host}.yml`] = text;
  return planCluster(['hosts.ini'], {
    files: memoryFiles(files),
    env: {},
    kubesprayRelease: row.release ?? 'v2.14.0',
  }).findings;
}

const rows: readonly Row[] = [
  {
    code: 'calico_network_backend',
    severity: 'error',
    vars: 'calico_network_backend: quagga',
    says: "calico network backend is not 'bird', 'vxlan' or 'none'",
  },
  {
    code: 'calico_ipip_mode',
    severity: 'error',
    vars: 'calico_ipip_mode: always',
    says: "calico inter host encapsulation mode is not 'Always', 'CrossSubnet' or 'Never'",
  },
  {
    code: 'encapsulation',
    severity: 'error',
    vars: 'calico_vxlan_mode: Always',
    says: 'IP in IP and VXLAN mode is mutualy exclusive modes',
  },
  {
    code: 'pool-cidr',
    severity: 'error',
    vars: 'calico_pool_cidr: 10.9.0.0/16',
    says: '10.9.0.0/16 is not within or equal to 10.233.64.0/18',
  },
  {
    code: 'pool-name',
    severity: 'error',
    vars: 'calico_pool_name: Pods',
    says: 'Calico refuses it as a name',
  },
  {
    code: 'pool-name',
    severity: 'error',
    vars: 'calico_pool_name: a/b',
    says: 'calico_pool_name contains invalid characters',
  },
  {
    code: 'kube_pods_subnet',
    severity: 'error',
    vars: 'kube_pods_subnet: 10.233.64.1/18',
    says: "kube_pods_subnet = '10.233.64.1/18' is not a valid network range",
  },
  {
    code: 'subnets',
    severity: 'error',
    vars: 'kube_service_addresses: 10.233.0.0/16',
    says: 'kube_pods_subnet cannot be the same network segment as kube_service_addresses',
  },
  {
    code: 'ranges-overlap',
    severity: 'error',
    vars: 'kube_pods_subnet: 10.233.0.0/16',
    says: 'overlaps the service range',
  },
  {
    code: 'hosts-in-pool',
    severity: 'error',
    vars: 'kube_pods_subnet: 10.0.0.0/16',
    says: 'lies inside the pool',
  },
  {
    code: 'block-size',
    severity: 'error',
    vars: 'calico_pool_blocksize: 16',
    says: 'must be between 20 and 32',
  },
  {
    code: 'pool-small',
    severity: 'warning',
    vars: 'calico_pool_cidr: 10.233.64.0/24',
    says: 'some hosts must borrow addresses',
  },
  {
    code: 'cloud-azure',
    severity: 'error',
    vars: 'cloud_provider: azure',
    says: 'Azure and Calico are not compatible.',
  },
  {
    code: 'cloud-ipip',
    severity: 'note',
    vars: 'cloud_provider: aws',
    says: 'IP in IP Always, as the document says',
  },
  {
    code: 'cloud-ipip',
    severity: 'warning',
    vars: 'cloud_provider: aws\ncalico_ipip_mode: Never',
    says: 'honoured',
  },
  { code: 'openstack-rules', severity: 'warning', vars: 'cloud_provider: openstack', says: 'protocol 4' },
  { code: 'gce-rule', severity: 'warning', vars: 'cloud_provider: gce', says: 'firewall rule' },
  {
    code: 'global-as',
    severity: 'error',
    vars: 'global_as_num: AS65000',
    says: 'invalid AS Number format (AS65000)',
  },
  { code: 'global-as', severity: 'error', vars: 'global_as_num: "065001"', says: 'read as the number 27137' },
  {
    code: 'local-as',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: []',
    line: 'local_as=1.10',
    says: 'would become AS 65537',
  },
  {
    code: 'boolean-text',
    severity: 'error',
    line: 'peer_with_router=false',
    says: "is the text 'false', not a boolean",
  },
  {
    code: 'peers-undefined',
    severity: 'error',
    vars: 'peer_with_router: true',
    says: "'peers' is undefined",
  },
  {
    code: 'peer-as',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: [{router_id: 10.0.0.254}]',
    says: "'dict object' has no attribute 'as'",
  },
  {
    code: 'peer-as',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: [{router_id: 10.0.0.254, as: 65xxx}]',
    says: 'invalid AS Number format (65xxx)',
  },
  {
    code: 'peer-scope',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: [{router_id: 10.0.0.254, as: 1, scope: Global}]',
    says: "the scope 'Global'",
  },
  {
    code: 'peer-is-node',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: [{router_id: 10.0.0.3, as: 65001}]',
    says: 'is the host n2 of this cluster',
  },
  {
    code: 'peer-twice',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: [{router_id: 10.0.0.254, as: 1}, {router_id: 10.0.0.254, as: 2}]',
    says: 'listed twice',
  },
  {
    code: 'mesh-disagreement',
    severity: 'error',
    hostVars: { m1: 'peer_with_router: false', n1: 'peer_with_router: true\npeers: []' },
    inventory:
      '[kube-master]\nm1 ip=10.0.0.1\n[etcd]\nm1\n[kube-node]\nn1 ip=10.0.0.2\n[k8s-cluster:children]\nkube-node\nkube-master\n',
    says: 'peer_with_router differs between hosts',
  },
  {
    code: 'no-session',
    severity: 'error',
    vars: 'peer_with_router: true\npeers: []',
    says: 'no BGP session at all',
  },
  {
    code: 'cluster-id',
    severity: 'error',
    reflectors: 'r0\nr1',
    says: 'A unique cluster_id is required if using calico_rr',
  },
  {
    code: 'cluster-id-missing',
    severity: 'error',
    reflectors: 'r0\nr1',
    hostVars: { m1: 'cluster_id: 1.0.0.1' },
    says: 'cluster_id missing on: r0, r1',
  },
  {
    code: 'cluster-id-format',
    severity: 'error',
    reflectors: 'r0\nr1',
    vars: 'cluster_id: rack',
    says: 'is not an IPv4 address',
  },
  {
    code: 'cluster-id-not-shared',
    severity: 'warning',
    reflectors: 'r0\nr1',
    vars: 'cluster_id: 1.0.0.1',
    hostVars: { r1: 'cluster_id: 1.0.0.2' },
    says: '2 different cluster ids',
  },
  {
    code: 'rr-single',
    severity: 'warning',
    reflectors: 'r0',
    vars: 'cluster_id: 1.0.0.1',
    says: 'only route reflector',
  },
  {
    code: 'local-as-ignored',
    severity: 'warning',
    reflectors: 'r0\nr1',
    vars: 'cluster_id: 1.0.0.1\npeer_with_router: true\npeers: []\nlocal_as: 65001',
    says: 'is ignored',
  },
  { code: 'mtu-text', severity: 'warning', vars: 'calico_mtu: "1440"', says: 'calico_mtu is a string' },
  { code: 'mtu-veth', severity: 'warning', vars: 'calico_veth_mtu: 1440', says: 'sets neither' },
  { code: 'mtu-large', severity: 'warning', vars: 'calico_mtu: 1490', says: 'no room for the 20 bytes' },
  {
    code: 'node-name',
    severity: 'error',
    hostVars: { n1: 'kube_override_hostname: other' },
    says: 'differs from the inventory name n1',
  },
  {
    code: 'override-without-effect',
    severity: 'warning',
    hostVars: { n1: 'calico_loglevel: debug' },
    says: 'calico_loglevel differs on n1',
  },
  {
    code: 'unknown-variable',
    severity: 'warning',
    vars: 'calico_backend: etcd',
    says: 'calico_datastore is meant?',
  },
  {
    code: 'unknown-variable',
    severity: 'warning',
    vars: 'calico_ipipmode: Never',
    says: 'calico_ipip_mode is meant?',
  },
  { code: 'not-in-release', severity: 'warning', vars: 'calico_vxlan_port: 1', says: 'from 2.15 on' },
  {
    code: 'value',
    severity: 'error',
    vars: `global_as_num: "{{ lookup('env', 'AS') }}"`,
    says: 'unsupported expression',
  },
  {
    code: 'vault',
    severity: 'error',
    vars: 'global_as_num: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00',
    says: 'is vault-encrypted',
  },
  {
    code: 'extra-env-quote',
    severity: 'warning',
    vars: `calico_node_extra_envs: {A: 'x"y'}`,
    says: 'quotation mark',
  },
  {
    code: 'advertise-without-bgp',
    severity: 'warning',
    vars: 'calico_network_backend: none\ncalico_advertise_cluster_ips: true',
    says: 'nothing is announced',
  },
  {
    code: 'ipip-without-bird',
    severity: 'warning',
    vars: 'calico_network_backend: none',
    says: 'no tunnel will be used',
  },
  {
    code: 'vxlan-without-pool',
    severity: 'error',
    vars: 'calico_network_backend: vxlan\ncalico_ipip_mode: Never',
    says: 'nothing carries packets',
  },
  {
    code: 'cross-subnet',
    severity: 'note',
    vars: 'calico_ipip_mode: CrossSubnet',
    says: 'registers node addresses as /32',
  },
  {
    code: 'nat-off',
    severity: 'note',
    vars: 'peer_with_router: true\npeers: []',
    says: 'disables outgoing NAT',
  },
  {
    code: 'typha',
    severity: 'error',
    vars: 'typha_enabled: true',
    says: 'When using typha you need to use the kubernetes datastore',
  },
  {
    code: 'ipip',
    severity: 'error',
    vars: 'ipip: true',
    release: 'v2.31.0',
    says: "'ipip' configuration variable is deprecated",
  },
  { code: 'address-twice', severity: 'error', line: 'ip=10.0.0.1', says: 'have the same address 10.0.0.1' },
  {
    code: 'ip-missing',
    severity: 'error',
    inventory:
      '[kube-master]\nm1\n[etcd]\nm1\n[kube-node]\nn1\n[k8s-cluster:children]\nkube-node\nkube-master\n',
    says: 'no ip and no address in ansible_host',
  },
  {
    code: 'etcd-even',
    severity: 'error',
    inventory:
      '[kube-master]\nm1 ip=10.0.0.1\n[etcd]\nm1\nn1\n[kube-node]\nn1 ip=10.0.0.2\n[k8s-cluster:children]\nkube-node\nkube-master\n',
    says: 'an even number is refused',
  },
  {
    code: 'hostname',
    severity: 'error',
    inventory:
      '[kube-master]\nM_1 ip=10.0.0.1\n[etcd]\nM_1\n[kube-node]\nM_1\n[k8s-cluster:children]\nkube-node\nkube-master\n',
    says: 'Hostname must consist of lower case',
  },
  {
    code: 'rr-not-child',
    severity: 'error',
    inventory:
      '[kube-master]\nm1 ip=10.0.0.1 cluster_id=1.0.0.1\n[etcd]\nm1\n[kube-node]\nn1 ip=10.0.0.2\n[calico-rr]\nr0 ip=10.0.0.3 cluster_id=1.0.0.1\n[k8s-cluster:children]\nkube-node\nkube-master\n',
    says: 'calico-rr must be a child group of k8s-cluster group',
  },
];

describe('checks', () => {
  for (const row of rows)
    test(`${row.code}: ${row.says}`, () => {
      const found = findingsOf(row).filter((one) => one.code === row.code);
      expect(found.map((one) => one.message).join('\n')).toContain(row.says);
      expect(found[0]?.severity).toBe(row.severity);
      if (row.severity === 'error') expect(found[0]?.cure).toBeTruthy();
    });

  test('a plain inventory has no errors and no warnings', () => {
    const found = findingsOf({ code: '', severity: 'note', says: '' });
    expect(found.filter((one) => one.severity !== 'note')).toEqual([]);
  });
});

describe('facts of a host', () => {
  const plan = (vars = '') =>
    planCluster(['hosts.ini'], {
      files: memoryFiles({ 'hosts.ini': hostsIni(rows[0]!), 'group_vars/all.yml': vars }),
      env: {},
    }).plan;
  const interfaces = [{ name: 'eth0', mtu: 1500, addresses: ['10.0.0.2/16', 'fe80::1/64'] }];
  const codes = (facts: HostFacts, vars?: string) =>
    checkHostFacts(plan(vars), new Map([['n1', facts]])).map((one) => `${one.severity} ${one.code}`);
  test('the subnet comes from the interface', () => {
    const found = checkHostFacts(plan(), new Map([['n1', { interfaces }]]));
    expect(found.map((one) => one.message)).toEqual([
      'node n1 has no subnet in the inventory; detected 10.0.0.0/16 on eth0, using it',
    ]);
  });
  test('an address that is not there', () =>
    expect(codes({ interfaces: [] })).toEqual(['error address-missing']));
  test('loose reverse path check', () => {
    expect(codes({ rpFilter: 1 })).toEqual([]);
    expect(codes({ rpFilter: 2 })).toEqual(['error rpf']);
    expect(codes({ rpFilter: 2 }, 'calico_node_ignorelooserpf: true')).toEqual(['warning rpf']);
  });
  test('iptables of another kind', () => {
    expect(codes({ iptables: 'nft' })).toEqual(['error iptables-backend']);
    expect(codes({ iptables: 'nft' }, 'calico_iptables_backend: Auto')).toEqual([]);
  });
  test('NetworkManager', () => expect(codes({ networkManager: true })).toEqual(['warning network-manager']));
  test('MTU of the link', () =>
    expect(codes({ interfaces }, 'calico_mtu: 1490')).toEqual(['note subnet', 'error mtu-link']));
});
