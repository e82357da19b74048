/** Fields of BGPConfiguration, BGPPeer and BGPFilter on running daemons: two hosts of ours and a router (FRR). */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { birdCommand } from '../../src/bgp/index.ts';
import type { SyncUpdate } from '../../src/datastore/syncer.types.ts';
import { BgpNet, block, eventually, ip, put, remove } from '../support/bgp-net.ts';

setDefaultTimeout(60_000);

let net: BgpNet;
const undo: SyncUpdate[] = [];

/** Applies updates; resources that they create are deleted after the test. */
async function apply(...updates: readonly SyncUpdate[]): Promise<void> {
  for (const update of updates) {
    if (update.type !== 'put' || update.kv.key.type !== 'resource') continue;
    const { kind, name } = update.kv.key;
    if (kind !== 'Node') undo.push(remove(kind, name));
  }
  net.update(...updates);
  await net.settled();
}

const birdc = async (host: string, command: string) =>
  (await birdCommand(command, { path: net.hosts.get(host)!.socket })).lines.join('\n');
const up = (host: string, name: string) =>
  eventually(
    () => net.sessions(host),
    (sessions) => sessions[name] === 'Established',
  );
const details = (host: string, name: string) => birdc(host, `show protocols all ${name}`);
const listening = (host: string) =>
  execFileSync('ip', ['netns', 'exec', host, 'ss', '-ltnH'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3]!);
const vtysh = (command: string) =>
  execFileSync('vtysh', ['--vty_socket', net.folder, '-d', 'bgpd', '-c', command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const config = (spec: Record<string, unknown>, name = 'default') => put('BGPConfiguration', name, spec);
const mesh = (on: boolean) => config({ nodeToNodeMeshEnabled: on });
const router = (name: string, more: Record<string, unknown> = {}) =>
  put('BGPPeer', name, { peerIP: '10.0.0.254', asNumber: 64601, ...more });

beforeAll(async () => {
  net = new BgpNet();
  for (const index of [1, 2]) {
    const host = net.host(`n${index}`, [`10.0.0.${index}/24`, `10.0.0.10${index}/24`]);
    mkdirSync(join(host.folder, 'secrets', 's'), { recursive: true });
    writeFileSync(join(host.folder, 'secrets', 's', 'same'), 'one');
    writeFileSync(join(host.folder, 'secrets', 's', 'other'), `differs-${index}`);
    net.update(
      put('Node', `n${index}`, { bgp: { ipv4Address: `10.0.0.${index}/24` } }, { [`n${index}`]: 'true' }),
      block(`n${index}`, `10.244.${index}.0/26`),
    );
  }
  net.update(put('IPPool', 'p4', { cidr: '10.244.0.0/16' }));
  net.namespace('frr', ['10.0.0.254/24', '10.9.9.9/32']);
  const file = join(net.folder, 'bgpd.conf');
  const peers = ['10.0.0.1', '10.0.0.2', '10.0.0.101'];
  writeFileSync(
    file,
    [
      'router bgp 64601',
      ' bgp router-id 10.0.0.254',
      ' no bgp ebgp-requires-policy',
      ' no bgp network import-check',
      ...peers.flatMap((peer) => [
        ` neighbor ${peer} remote-as external`,
        ` neighbor ${peer} timers connect 1`,
        ` neighbor ${peer} ebgp-multihop 4`,
        ` neighbor ${peer} capability extended-nexthop`,
      ]),
      ' address-family ipv4 unicast',
      '  network 10.244.77.0/26',
      '  network 198.51.100.0/24',
      ' exit-address-family',
      '',
    ].join('\n'),
  );
  net.run(
    'frr',
    '/usr/lib/frr/bgpd',
    '-Z',
    '-S',
    '-f',
    file,
    '-i',
    join(net.folder, 'bgpd.pid'),
    '--vty_socket',
    net.folder,
  );
  await net.sync();
});
afterAll(() => net.close());
afterEach(async () => {
  net.update(...undo.splice(0).reverse());
  await net.settled();
});

describe('BGPConfiguration', () => {
  test('listenPort, for all and for one node', async () => {
    await apply(config({ listenPort: 1790 }), config({ listenPort: 1791 }, 'node.n2'));
    await up('n1', 'Mesh_10_0_0_2');
    expect(listening('n1')).toContain('0.0.0.0:1790');
    expect(listening('n2')).toContain('0.0.0.0:1791');
  });

  test('bindMode NodeIP', async () => {
    await apply(config({ bindMode: 'NodeIP' }));
    await up('n1', 'Mesh_10_0_0_2');
    expect(listening('n1').filter((one) => one.endsWith(':179'))).toEqual(['10.0.0.1:179']);
  });

  test('nodeMeshPassword: equal ones connect, different ones do not', async () => {
    await apply(config({ nodeMeshPassword: { secretKeyRef: { name: 's', key: 'other' } } }));
    await eventually(
      () => net.sessions('n2'),
      (sessions) => /^(Connect|Active|Passive)$/.test(sessions['Mesh_10_0_0_1'] ?? ''),
    );
    await apply(config({ nodeMeshPassword: { secretKeyRef: { name: 's', key: 'same' } } }));
    await up('n1', 'Mesh_10_0_0_2');
    expect(readFileSync(join(net.hosts.get('n1')!.folder, 'etc', 'bird.conf'), 'utf8')).toContain(
      'password "one"',
    );
  });

  test('nodeMeshMaxRestartTime, asNumber and ipv4NormalRoutePriority reach the peer', async () => {
    await apply(config({ nodeMeshMaxRestartTime: '77s', asNumber: 65400, ipv4NormalRoutePriority: 2000 }));
    await up('n1', 'Mesh_10_0_0_2');
    const text = await details('n1', 'Mesh_10_0_0_2');
    expect(text).toContain('Restart time: 77');
    expect(text).toMatch(/Neighbor AS: +65400/);
    const routes = await eventually(
      () => birdc('n1', 'show route 10.244.2.0/26 all'),
      (all) => all.includes('BGP.local_pref'),
    );
    expect(routes).toContain(`BGP.local_pref: ${2147483647 - 2000}`);
  });

  test('ignoredInterfaces', async () => {
    ip('-n', 'n1', 'link', 'add', 'ign0', 'type', 'veth', 'peer', 'name', 'ign1');
    ip('-n', 'n1', 'address', 'add', '192.0.2.1/24', 'dev', 'ign0');
    for (const name of ['ign0', 'ign1']) ip('-n', 'n1', 'link', 'set', name, 'up');
    const direct = () => birdc('n1', 'show route protocol calico_direct');
    await eventually(direct, (text) => text.includes('192.0.2.0/24'));
    await apply(config({ ignoredInterfaces: ['ign*'] }));
    await eventually(direct, (text) => !text.includes('192.0.2.0/24') && text.includes('10.0.0.0/24'));
    ip('-n', 'n1', 'link', 'delete', 'ign0');
  });

  test('programClusterRoutes Disabled leaves the routes of pools to the agent', async () => {
    await apply(mesh(true));
    await up('n1', 'Mesh_10_0_0_2');
    const has = () => net.routes('n1').some((line) => line.startsWith('10.244.2.0/26'));
    await eventually(has, (value) => value);
    await apply(config({ programClusterRoutes: 'Disabled' }));
    await eventually(has, (value) => !value);
    expect(net.routes('n1').some((line) => line.startsWith('blackhole 10.244.1.0/26'))).toBe(true);
  });

  test('logSeverityScreen', async () => {
    const log = () => readFileSync(join(net.hosts.get('n1')!.folder, 'bird.log'), 'utf8').length;
    await apply(config({ logSeverityScreen: 'Debug' }));
    await up('n1', 'Mesh_10_0_0_2');
    const before = log();
    await birdc('n1', 'reload Mesh_10_0_0_2');
    await eventually(log, (length) => length > before + 200);
  });
});

describe('BGPPeer', () => {
  test('localASNumber, restart and keepalive time', async () => {
    await apply(
      mesh(false),
      router('r', { localASNumber: 65010, maxRestartTime: '33s', keepaliveTime: '20s', node: 'n1' }),
    );
    await up('n1', 'Node_10_0_0_254');
    const seen = JSON.parse(vtysh('show bgp neighbors 10.0.0.1 json'))['10.0.0.1'] as Record<string, unknown>;
    expect(seen['remoteAs']).toBe(65010);
    // FRR's hold time is 180 s: BIRD shortens the keepalive time of its own 240 s accordingly.
    expect(await details('n1', 'Node_10_0_0_254')).toMatch(/Keepalive timer: +\d+\.\d+\/15/);
    expect(JSON.stringify(seen)).toContain('33');
  });

  test('sourceAddress None leaves the choice to the kernel', async () => {
    ip('-n', 'n1', 'route', 'add', '10.0.0.254/32', 'dev', 'eth0', 'src', '10.0.0.101');
    await apply(mesh(false), router('r', { node: 'n1', sourceAddress: 'None' }));
    await up('n1', 'Node_10_0_0_254');
    expect(await details('n1', 'Node_10_0_0_254')).toMatch(/Source address: +10\.0\.0\.101/);
    ip('-n', 'n1', 'route', 'delete', '10.0.0.254/32');
  });

  test('numAllowedLocalASNumbers lets blocks of the own AS come back through a router', async () => {
    await apply(mesh(false), router('r'));
    await up('n1', 'Global_10_0_0_254');
    await up('n2', 'Global_10_0_0_254');
    const has = () => net.routes('n2').some((line) => line.startsWith('10.244.1.0/26'));
    await eventually(
      () => net.routes('n2'),
      (lines) => lines.some((line) => line.startsWith('10.244.77.0/26')),
    );
    expect(has()).toBe(false);
    await apply(router('r', { numAllowedLocalASNumbers: 1 }));
    await eventually(has, (value) => value);
  });

  test('reachableBy', async () => {
    await apply(
      mesh(false),
      put('BGPPeer', 'far', { node: 'n1', peerIP: '10.9.9.9', asNumber: 64601, reachableBy: '10.0.0.254' }),
    );
    await eventually(
      () => net.routes('n1'),
      (lines) => lines.some((line) => line.startsWith('10.9.9.9 via 10.0.0.254')),
    );
    await up('n1', 'Node_10_9_9_9');
  });

  for (const [mode, nextHop] of [
    [{ nextHopMode: 'Self' }, '10.0.0.1'],
    [{ nextHopMode: 'Auto' }, '10.0.0.254'],
  ] as const) {
    test(`nextHopMode ${mode.nextHopMode} towards another host`, async () => {
      await apply(
        mesh(false),
        router('r', { node: 'n1' }),
        put('BGPPeer', 'pair', { nodeSelector: 'has(n1)', peerSelector: 'has(n2)', ...mode }),
      );
      await up('n1', 'Node_10_0_0_254');
      await up('n2', 'Node_10_0_0_1');
      const text = await eventually(
        () => birdc('n2', 'show route 10.244.77.0/26 all'),
        (all) => all.includes('BGP.next_hop'),
      );
      expect(text).toContain(`BGP.next_hop: ${nextHop}`);
    });
  }

  for (const [field, value] of [
    ['nextHopMode', 'Keep'],
    ['keepOriginalNextHop', true],
  ] as const) {
    test(`${field} towards a router keeps the other host as next hop`, async () => {
      await apply(router('r', { node: 'n1', [field]: value }), mesh(true));
      await up('n1', 'Node_10_0_0_254');
      await up('n1', 'Mesh_10_0_0_2');
      await eventually(
        () => vtysh('show bgp ipv4 unicast 10.244.2.0/26 json'),
        (text) => text.includes('"ip":"10.0.0.2"'),
      );
    });
  }

  test('reversePeering Manual makes one end only', async () => {
    await apply(
      mesh(false),
      put('BGPPeer', 'one', { nodeSelector: 'has(n1)', peerSelector: 'has(n2)', reversePeering: 'Manual' }),
    );
    await eventually(
      () => net.sessions('n1'),
      (sessions) => 'Node_10_0_0_2' in sessions,
    );
    expect(await net.sessions('n2')).toEqual({});
  });
});

describe('BGPFilter', () => {
  const exported = () =>
    Object.keys(
      (JSON.parse(vtysh('show bgp ipv4 unicast json')) as { routes: Record<string, unknown> }).routes,
    ).sort();

  test('source RemotePeers with peerType ends transit, interface and export rules hold', async () => {
    await apply(
      mesh(true),
      put('BGPFilter', 'own-only', {
        exportV4: [{ source: 'RemotePeers', peerType: 'eBGP', action: 'Reject' }],
      }),
      router('r', { node: 'n1' }),
    );
    await up('n1', 'Node_10_0_0_254');
    await up('n1', 'Mesh_10_0_0_2');
    await eventually(exported, (all) => all.includes('10.244.2.0/26') && all.includes('10.244.1.0/26'));
    await apply(router('r', { node: 'n1', filters: ['own-only'] }));
    await eventually(exported, (all) => !all.includes('10.244.2.0/26') && all.includes('10.244.1.0/26'));
  });

  test('import rules: AS path, priority and communities', async () => {
    await apply(
      mesh(false),
      put('BGPFilter', 'in', {
        importV4: [
          { cidr: '198.51.100.0/24', matchOperator: 'Equal', action: 'Reject' },
          {
            asPathPrefix: [64601],
            action: 'Accept',
            operations: [{ addCommunity: { value: '65000:9' } }, { setPriority: { value: 500 } }],
          },
        ],
      }),
      router('r', { node: 'n1', filters: ['in'] }),
    );
    await up('n1', 'Node_10_0_0_254');
    const text = await eventually(
      () => birdc('n1', 'show route 10.244.77.0/26 all'),
      (all) => all.includes('BGP.local_pref'),
    );
    expect(text).toContain('BGP.community: (65000,9)');
    expect(text).toContain(`BGP.local_pref: ${2147483647 - 500}`);
    expect(net.routes('n1').some((line) => line.startsWith('198.51.100.0/24'))).toBe(false);
  });
});
