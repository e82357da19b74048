/** The example inventories give their expected.json, fact by fact; so does the text of the driving document. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterPlan, expectedRoute, type HostPlan } from './cluster-plan.ts';
import { memoryFiles } from './inventory/index.ts';
import { planCluster } from './plan-cluster.ts';

const testdata = join(import.meta.dirname, 'testdata');

interface Expected {
  readonly kubesprayRelease: string;
  readonly cluster: Readonly<Record<string, unknown>> & {
    readonly felixEnv: Readonly<Record<string, string>>;
    readonly nodeIpEnv: Readonly<Record<string, string>>;
  };
  readonly hosts: readonly Readonly<Record<string, unknown>>[];
  readonly resources: readonly unknown[];
  readonly warnings: readonly string[];
}

function clusterOf(plan: ClusterPlan): Record<string, unknown> {
  const daemon = plan.daemonEnvironment;
  const environment = new Map(daemon.map((one) => [one.name, 'fieldRef' in one ? one.fieldRef : one.value]));
  const entries = (test: (name: string) => boolean) =>
    Object.fromEntries([...environment].filter(([name]) => test(name)));
  const firstPool = plan.pools[0];
  const conflist = JSON.parse(
    plan.hosts[0]?.files.flatMap((file) =>
      file.kind === 'content' && file.path.endsWith('.conflist') ? [file.content] : [],
    )[0] ?? '{}',
  );
  const peers = plan.resources.filter((one) => one.resource.kind === 'BGPPeer').map((one) => one.resource);
  const flat = (name: string, spec: object) => ({ name, ...spec });
  expect(firstPool).toBeDefined();
  return {
    clusterName: plan.clusterName,
    datastore: plan.datastore,
    etcdEndpoints: plan.etcd.endpoints,
    binDir: plan.binDir,
    controlPlaneFirst: plan.controlPlaneFirst,
    pools: plan.pools,
    cniPools: conflist.plugins[0].ipam.ipv4_pools ?? [],
    nodeToNodeMesh: plan.nodeToNodeMesh,
    backend: plan.backend,
    bgpRunning: plan.bgpRunning,
    clusterType: plan.clusterType,
    globalAsNumber: plan.globalAsNumber,
    advertised: plan.advertised,
    endpointToHostAction: environment.get('FELIX_DEFAULTENDPOINTTOHOSTACTION'),
    healthHost: environment.get('FELIX_HEALTHHOST'),
    felixEnv: entries((name) => name.startsWith('FELIX_')),
    nodeIpEnv: entries((name) => /^(?:NODEIP|IP6?|IP6?_AUTODETECTION_METHOD)$/.test(name)),
    globalPeers: peers
      .filter((one) => one.metadata.name.startsWith('global-'))
      .map((one) => flat(one.metadata.name, one.spec)),
    selectorPeers: peers
      .filter((one) => 'peerSelector' in one.spec)
      .map((one) => flat(one.metadata.name, one.spec)),
  };
}

function hostOf(
  plan: ClusterPlan,
  host: HostPlan,
  wanted: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const sessions = plan.sessions.flatMap((one) => {
    const side = (peer: string | null, ip: string, asNumber: number) => ({
      peer,
      ip,
      asNumber,
      via: one.via,
      ebgp: one.hostAs !== one.peerAs,
    });
    if (one.host === host.name) return [side(one.peer, one.peerAddress, one.peerAs)];
    return one.peer === host.name ? [side(one.host, one.hostAddress, one.hostAs)] : [];
  });
  const facts: Record<string, unknown> = {
    name: host.name,
    ip: host.address,
    ip6: host.address6,
    ansibleHost: host.transport.host,
    sshPort: host.transport.port,
    sshUser: host.transport.user,
    connection: host.transport.connection,
    accessIp: host.accessAddress,
    etcdMemberName: host.etcdMemberName,
    roles: host.roles,
    asNumber: host.asNumber,
    nodeAsNumber: host.nodeAsNumber,
    isRouteReflector: host.isRouteReflector,
    clusterID: host.clusterId,
    labels: host.labels,
    cniMtu: host.cniMtu,
    peers: plan.resources
      .filter((one) => one.resource.kind === 'BGPPeer' && one.resource.spec['node'] === host.name)
      .map((one) => ({ name: one.resource.metadata.name, ...one.resource.spec })),
    sessions,
  };
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, facts[name]]));
}

function resourcesOf(plan: ClusterPlan): unknown[] {
  return plan.resources.map(({ how, resource: { kind, metadata, spec } }) => ({
    kind,
    name: metadata.name,
    ...(how === 'label' ? { labels: metadata.labels, how: 'label-overwrite' } : { spec }),
    ...(how === 'merge' ? { how: 'merge-into-existing' } : {}),
  }));
}

function check(plan: ClusterPlan, expected: Expected): void {
  expect(plan.release).toBe(expected.kubesprayRelease);
  const cluster = clusterOf(plan);
  for (const [name, value] of Object.entries(expected.cluster))
    expect({ [name]: cluster[name] }).toEqual({ [name]: value });
  expect(plan.hosts.map((host) => host.name)).toEqual(expected.hosts.map((host) => String(host['name'])));
  for (const wanted of expected.hosts) {
    const host = plan.hosts.find((one) => one.name === wanted['name']);
    expect(host && hostOf(plan, host, wanted)).toEqual(wanted as Record<string, unknown>);
  }
  expect(resourcesOf(plan)).toEqual([...expected.resources]);
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Expected;

describe('example inventories', () => {
  for (const name of readdirSync(testdata)) {
    const folder = join(testdata, name);
    if (!existsSync(join(folder, 'expected.json'))) continue;
    const inventory = existsSync(join(folder, 'hosts.ini')) ? 'hosts.ini' : 'hosts.yml';
    test(name, () => {
      const { plan } = planCluster([join(folder, inventory)]);
      check(plan, read(join(folder, 'expected.json')));
    });
  }

  test('hash-trap with hash_behaviour merge gives the same network', () => {
    const folder = join(testdata, 'hash-trap');
    const { plan } = planCluster([join(folder, 'hosts.ini')], { hashBehaviour: 'merge' });
    expect(resourcesOf(plan)).toEqual([...read(join(folder, 'expected.json')).resources]);
  });
});

test("the driving document's inventory: nine sessions, none between nodes", () => {
  const { plan } = planCluster([join(import.meta.dirname, '../../examples/kubespray-rr/hosts.ini')]);
  expect(plan.globalAsNumber).toBe(65400);
  expect(plan.encapsulation.kind).toBe('none');
  expect(new Set(plan.hosts.map((host) => host.subnet))).toEqual(new Set(['10.210.1.0/24']));
  expect(plan.sessions.map((one) => `${one.host}-${one.peer} ${one.via}`)).toEqual([
    'node2-rr0 peer-to-rrs',
    'node2-rr1 peer-to-rrs',
    'node3-rr0 peer-to-rrs',
    'node3-rr1 peer-to-rrs',
    'node4-rr0 peer-to-rrs',
    'node4-rr1 peer-to-rrs',
    'node5-rr0 peer-to-rrs',
    'node5-rr1 peer-to-rrs',
    'rr0-rr1 rr-mesh',
  ]);
});

test('routes: direct inside a subnet, tunnelled across subnets', () => {
  const { plan } = planCluster([join(testdata, 'mesh6-vxlan/hosts.ini')]);
  const host = (name: string) => plan.hosts.find((one) => one.name === name)!;
  expect(expectedRoute(plan, host('m1'), host('m2'))).toEqual({
    nextHop: '10.10.1.12',
    device: 'underlay',
    by: 'bird',
  });
  expect(expectedRoute(plan, host('m1'), host('w01'))).toEqual({
    nextHop: '10.10.2.21',
    device: 'vxlan.calico',
    by: 'felix',
  });
  expect(expectedRoute(plan, host('m1'), host('m1'))).toBeUndefined();
});

describe('what the examples must warn of', () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'border-two-sites',
      '',
      ['calico_mtu differs on ny1, ny2', "daemon's environment, which is rendered from paris1"],
    ],
    [
      'hash-trap',
      '',
      [
        'b: peers of host_vars/b replace the list of group_vars/all',
        'still resolves them',
        'calico_node_extra_envs differs on b',
      ],
    ],
    ['mesh6-vxlan', '', ['calico_healthhost in [all:vars] (127.0.0.1) loses against']],
    ['v231-dualstack', '', ['the backend is vxlan: no BGP runs, nothing is announced']],
    [
      'hash-trap',
      'variant-kube-master-override',
      [
        'the 2 entries with scope global are lost for the whole cluster',
        'c: resolves 2 peers with scope global',
        'c: no BGP session at all',
      ],
    ],
  ];
  for (const [name, overlay, wanted] of rows)
    test(`${name} ${overlay}`, () => {
      const folder = join(testdata, name);
      const files: Record<string, string> = {};
      const read = (from: string, prefix: string) => {
        for (const entry of readdirSync(from, { withFileTypes: true })) {
          if (entry.isDirectory() && /_vars$|^k8s|^all$|^site/.test(entry.name))
            read(join(from, entry.name), `${prefix}${entry.name}/`);
          else if (entry.isFile() && entry.name !== 'expected.json')
            files[prefix + entry.name] = readFileSync(join(from, entry.name), 'utf8');
        }
      };
      read(folder, '');
      if (overlay !== '') read(join(folder, overlay), '');
      const source = Object.hasOwn(files, 'hosts.ini') ? 'hosts.ini' : 'hosts.yml';
      const { findings } = planCluster([source], { files: memoryFiles(files), env: {} });
      const text = findings.map((one) => one.message).join('\n');
      for (const one of wanted) expect(text).toContain(one);
    });
});
