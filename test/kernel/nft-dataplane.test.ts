/** The nftables dataplane against a kernel, in a namespace of its own. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import type { HostInterface } from '../../src/felix/dataplane.ts';
import { createIptablesDataplane } from '../../src/felix/iptables/index.ts';
import { createNftDataplane } from '../../src/felix/nft/index.ts';
import { Namespace } from '../../src/linux/netns/index.ts';
import { NftContext } from '../../src/linux/nftables/index.ts';
import { graphOf, put, remove, resource, settingsOf } from '../support/program.ts';

const interfaces: readonly HostInterface[] = [
  { name: 'lo', index: 1, up: true, ipv4: ['127.0.0.1'], ipv6: ['::1'] },
  { name: 'eth0', index: 2, up: true, ipv4: ['10.210.1.11'], ipv6: ['fd10:210:1::11'] },
];

function workload(name: string, address: string) {
  return resource(
    'WorkloadEndpoint',
    `host1-k8s-${name}-eth0`,
    {
      node: 'host1',
      orchestrator: 'k8s',
      pod: name,
      endpoint: 'eth0',
      interfaceName: `cali${name}`,
      ipNetworks: [`${address}/32`],
      profiles: ['kns.default'],
      ports: [{ name: 'http', protocol: 'TCP', port: 8055 }],
    },
    { namespace: 'default', labels: { app: 'web' } },
  );
}

const policy = resource('GlobalNetworkPolicy', 'everything', {
  selector: 'all()',
  applyOnForward: true,
  ingress: [
    {
      action: 'Log',
      protocol: 'TCP',
      source: { selector: "zone == 'bad'" },
      metadata: { annotations: { why: 'a "test"' } },
    },
    { action: 'Allow', protocol: 'TCP', destination: { ports: ['http', 80, '8000:8100'] } },
    { action: 'Deny', protocol: 'ICMP', icmp: { type: 8, code: 0 } },
    { action: 'Deny', protocol: 'ICMP', notICMP: { type: 8, code: 0 } },
    { action: 'Pass', source: { nets: ['10.0.0.0/8', '10.1.0.0/16'], notNets: ['10.2.0.0/16'] } },
  ],
  egress: [{ action: 'Allow', destination: { notSelector: "zone == 'bad'" } }],
});
const state = [
  resource('Profile', 'kns.default', { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] }),
  workload('w1', '10.233.64.1'),
  policy,
  resource('GlobalNetworkPolicy', 'second', { selector: 'all()', order: 5, ingress: [{ action: 'Allow' }] }),
  resource('GlobalNetworkPolicy', 'untracked', {
    selector: 'has(host-ep)',
    doNotTrack: true,
    applyOnForward: true,
    ingress: [{ action: 'Allow', protocol: 'UDP', destination: { ports: [9000] } }],
  }),
  resource('GlobalNetworkPolicy', 'prednat', {
    selector: 'has(host-ep)',
    preDNAT: true,
    applyOnForward: true,
    types: ['Ingress'],
    ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [30081] } }],
  }),
  resource(
    'GlobalNetworkSet',
    'bad',
    { nets: ['192.0.2.0/24', '192.0.2.7/32', '2001:db8::/32', '0.0.0.0/0'] },
    { labels: { zone: 'bad' } },
  ),
  resource(
    'HostEndpoint',
    'h1',
    { node: 'host1', interfaceName: 'eth0', profiles: ['kns.default'] },
    { labels: { 'host-ep': 'y' } },
  ),
  resource('HostEndpoint', 'h2', { node: 'host1', interfaceName: '*' }),
  resource('IPPool', 'natted', { cidr: '10.233.64.0/18', natOutgoing: true }),
  resource('Node', 'host1', { bgp: { ipv4Address: '10.210.1.11/24' }, ipv4VXLANTunnelAddr: '10.233.66.1' }),
  resource('Node', 'host2', { bgp: { ipv4Address: '10.210.1.12/24' }, ipv4VXLANTunnelAddr: '10.233.66.65' }),
  resource('BGPConfiguration', 'default', { serviceClusterIPs: [{ cidr: '10.96.0.0/16' }] }),
];

describe('the nftables dataplane', () => {
  let namespace: Namespace;
  let nft: NftContext;
  beforeAll(() => {
    namespace = Namespace.unnamed();
    nft = new NftContext({ namespace });
  });
  afterAll(() => {
    nft.close();
    namespace.close();
  });

  test('programs everything, finds no drift in it, and repairs what others break', async () => {
    const graph = graphOf('host1', state);
    const plane = createNftDataplane({ settings: settingsOf(), namespace });
    const outcome = await plane.apply({
      updates: graph.flush(),
      interfaces,
      encapsulation: { ipip: true, vxlan: true, vxlanV6: false },
    });
    expect([...outcome.hostEndpoints]).toEqual([
      ['h1', ['eth0']],
      ['h2', ['*']],
    ]);
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });

    nft.run(
      'add chain ip calico filter-foreign; add table ip other; flush chain ip calico filter-cali-fw-caliw1',
    );
    nft.run('delete element ip calico cali40network-ip-pools { 10.233.64.0/18 }');
    expect(await plane.resync()).toEqual({
      missing: [],
      different: ['set ip calico cali40network-ip-pools', 'chain ip calico filter-cali-fw-caliw1'],
      stray: ['chain ip calico filter-foreign'],
    });
    nft.run('flush ruleset');
    expect((await plane.resync()).missing).toEqual(['table ip calico', 'table ip6 calico']);
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });
    plane.close();
  });

  test('changes what changed, and takes over what an earlier run left', async () => {
    const graph = graphOf('host1', state);
    const plane = createNftDataplane({ settings: settingsOf(), namespace });
    await plane.apply({ updates: graph.flush(), interfaces });
    const before = nft.run('list chain ip calico filter-cali-fw-caliw1');

    const other = workload('w2', '10.233.64.2');
    graph.onUpdates([put(other)]);
    await plane.apply({ updates: graph.flush() });
    expect(nft.run('list map ip calico filter-cali-from-wl-dispatch')).toContain('"caliw2" : goto');
    expect(nft.run('list chain ip calico filter-cali-fw-caliw1')).toEqual(before);
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });

    graph.onUpdates([remove(other), remove(policy)]);
    await plane.apply({ updates: graph.flush() });
    expect(nft.run('list table ip calico')).not.toContain('caliw2');
    expect(nft.run('list table ip calico')).not.toContain('everything');
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });
    plane.close();
  });

  test('each dataplane takes the rules of the other away, and none of others', async () => {
    const graph = graphOf('host1', state);
    const updates = graph.flush();
    const inside = (program: string, ...args: string[]) =>
      namespace.run(() => execFileSync(program, args, { encoding: 'utf8' }));
    inside('iptables-legacy', '-A', 'FORWARD', '-s', '192.0.2.9', '-j', 'DROP');
    const iptables = createIptablesDataplane({
      settings: settingsOf({}, 'iptables'),
      variant: 'legacy',
      namespace,
    });
    await iptables.apply({ updates, interfaces });
    expect(nft.run('list tables')).not.toContain('calico');
    expect(inside('iptables-legacy-save')).toContain('cali-FORWARD');
    expect(await iptables.resync()).toEqual({ missing: [], different: [], stray: [] });

    const plane = createNftDataplane({ settings: settingsOf(), namespace });
    await plane.apply({ updates, interfaces });
    const left = inside('iptables-legacy-save');
    expect(left).not.toContain('cali');
    expect(left).toContain('-A FORWARD -s 192.0.2.9/32 -j DROP');
    expect(inside('ipset', 'list', '-n')).not.toContain('cali');
    expect(nft.run('list tables')).toContain('table ip calico');
    plane.close();
  });

  test('refused transactions are made good from what the kernel has', async () => {
    const graph = graphOf('host1', state);
    const plane = createNftDataplane({ settings: settingsOf(), namespace });
    await plane.apply({ updates: graph.flush(), interfaces });
    nft.run('delete table ip calico');
    graph.onUpdates([put(workload('w3', '10.233.64.3'))]);
    await plane.apply({ updates: graph.flush() });
    expect(nft.run('list map ip calico filter-cali-from-wl-dispatch')).toContain('"caliw3" : goto');
    plane.close();
  });
});
