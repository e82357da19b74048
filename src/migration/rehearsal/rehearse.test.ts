import { expect, test } from 'bun:test';
import { convertedItems, type V2Dump } from '../../upgrade/index.ts';
import { rehearse } from './rehearse.ts';

const policy = (document: object) => JSON.stringify({ inbound_rules: [], outbound_rules: [], ...document });
const endpoint = (address: string, labels: object, profiles: readonly string[] = ['p']) =>
  JSON.stringify({
    state: 'active',
    name: 'cali1',
    profile_ids: profiles,
    ipv4_nets: [`${address}/32`],
    labels,
  });

const dump: V2Dump = {
  '/calico/v1/Ready': 'true',
  '/calico/v1/config/CalicoVersion': 'v2.6.12',
  '/calico/v1/host/Node_A/metadata': '{}',
  '/calico/v1/host/node-b/metadata': '{}',
  '/calico/bgp/v1/global/peer_v4/10.0.0.254': '{"ip":"10.0.0.254","as_num":"65000"}',
  '/calico/bgp/v1/host/Node_A/ip_addr_v4': '10.0.0.1',
  '/calico/bgp/v1/host/Node_A/network_v4': '10.0.0.0/24',
  '/calico/bgp/v1/host/node-b/ip_addr_v4': '10.0.0.2',
  '/calico/bgp/v1/host/node-b/network_v4': '10.0.0.0/24',
  '/calico/v1/ipam/v4/pool/10.233.64.0-18':
    '{"cidr":"10.233.64.0/18","masquerade":true,"ipip":"tunl0","ipip_mode":"always"}',
  '/calico/v1/policy/profile/p/tags': '["web"]',
  '/calico/v1/policy/profile/p/rules':
    '{"inbound_rules":[{"action":"allow","src_tag":"web"}],"outbound_rules":[{"action":"allow"}]}',
  '/calico/v1/policy/profile/k8s_ns.prod/rules':
    '{"inbound_rules":[{"action":"allow"}],"outbound_rules":[{"action":"allow"}]}',
  '/calico/v1/policy/profile/k8s_ns.prod/labels': '{"k8s_ns/label/team":"red"}',
  '/calico/v1/policy/tier/default/policy/Allow_DB': policy({
    order: 10,
    selector: "role == 'db'",
    inbound_rules: [{ action: 'allow', protocol: 'tcp', src_selector: "role == 'web'", dst_ports: [5432] }],
    types: ['ingress'],
  }),
  '/calico/v1/host/Node_A/workload/k8s/prod.web/endpoint/eth0': endpoint(
    '10.233.64.2',
    { role: 'web', 'calico/k8s_ns': 'prod' },
    ['k8s_ns.prod'],
  ),
  '/calico/v1/host/node-b/workload/k8s/prod.db/endpoint/eth0': endpoint(
    '10.233.64.66',
    { role: 'db', 'calico/k8s_ns': 'prod' },
    ['k8s_ns.prod'],
  ),
  '/calico/v1/host/node-b/workload/cni/abc/endpoint/eth0': endpoint('10.233.64.67', {}),
  '/calico/ipam/v2/host/Node_A/ipv4/block/10.233.64.0-26': '{}',
  '/calico/ipam/v2/assignment/ipv4/block/10.233.64.0-26': `{"cidr":"10.233.64.0/26","affinity":"host:Node_A","strictAffinity":false,"allocations":[${Array.from({ length: 64 }, (_, i) => (i === 2 ? '0' : 'null')).join()}],"unallocated":[0,1],"attributes":[{"handle_id":"h","secondary":{}}]}`,
};

/** The converted data with one key changed or taken away. */
function altered(
  part: string,
  change?: (value: Record<string, unknown>) => void,
): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>(convertedItems(dump));
  const key = [...items.keys()].find((one) => one.includes(part));
  if (key === undefined) throw new Error(`nothing is called ${part}`);
  if (!change) items.delete(key);
  else {
    const value = structuredClone(items.get(key)) as Record<string, unknown>;
    change(value);
    items.set(key, value);
  }
  return items;
}

const textOf = async (items?: ReadonlyMap<string, unknown>, from = dump) =>
  (await rehearse(from, items ?? convertedItems(from))).deviations
    .map(({ about, text }) => `${about}: ${text}`)
    .join('\n');

test('a faithful conversion does not deviate', async () => {
  const { deviations, compared, assumptions } = await rehearse(dump);
  expect(deviations).toEqual([]);
  expect(compared).toMatchObject({ endpoints: 3, sessions: 4, blocks: 1 });
  expect(compared.verdicts).toBeGreaterThan(50);
  expect(assumptions).toHaveLength(1);
});

test('a changed rule is found, with the policy that causes it', async () => {
  const items = altered('globalnetworkpolicies', (value) => {
    const { ingress } = value['spec'] as { ingress: { destination: { ports: number[] } }[] };
    ingress[0]!.destination.ports = [5433];
  });
  expect(await textOf(items)).toContain('/calico/v1/policy/tier/default/policy/Allow_DB');
});

test('lost objects are found', async () => {
  expect(await textOf(altered('globalnetworkpolicies'))).toContain('v2 denies');
  expect(await textOf(altered('profiles/p'))).toContain('profile p, ');
  expect(await textOf(altered('/workloadendpoints/'))).toContain('has no endpoint in v3');
  expect(await textOf(altered('/bgppeers/'))).toContain('lost: 10.0.0.1 AS 64512 → 10.0.0.254 AS 65000');
  expect(await textOf(altered('/nodes/node-b'))).toContain('/calico/bgp/v1/host/node-b/ip_addr_v4');
  expect(await textOf(altered('/ippools/'))).toContain('pool 10.233.64.0/18 is not in v3');
  expect(await textOf(altered('/assignment/ipv4/block/'))).toContain('addresses could be given out again');
  expect(await textOf(altered('/ipam/v2/host/'))).toContain('belongs to nobody');
});

test('a pool that changes its way is found', async () => {
  const items = altered('/ippools/', (value) => {
    (value['spec'] as Record<string, unknown>)['ipipMode'] = 'CrossSubnet';
  });
  expect(await textOf(items)).toContain('IPIP always, NAT true, disabled false in v2, IPIP crosssubnet');
});

test.each([
  ['neither tag nor selector', { '!src_tag': 'web', '!src_selector': "role == 'web'" }, 'Trap'],
  ['a label of a namespace', { src_selector: "k8s_ns/label/team == 'red'" }, 'Trap'],
])('what the conversion cannot keep is found: %s', async (_, rule, text) => {
  const from = {
    ...dump,
    '/calico/v1/policy/tier/default/policy/Trap': policy({
      selector: "role == 'db'",
      order: 1,
      inbound_rules: [{ action: 'allow', ...rule }],
      types: ['ingress'],
    }),
  };
  expect(await textOf(undefined, from)).toContain(text);
});
