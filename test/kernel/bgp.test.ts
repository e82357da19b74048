/** BIRD itself, configured by our agent: sessions, routes, and what happens when things break. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BirdPaths,
  BirdSupervisor,
  birdCommand,
  daemonStatus,
  parseProtocols,
  retireBird,
  runningBird,
  silentBgpLog,
} from '../../src/bgp/index.ts';
import { BgpNet, block, eventually, ip, put, remove } from '../support/bgp-net.ts';

setDefaultTimeout(60_000);

const established = (sessions: Readonly<Record<string, string>>) =>
  Object.entries(sessions)
    .filter(([, state]) => state === 'Established')
    .map(([name]) => name);
const node = (index: number) =>
  put('Node', `n${index}`, {
    bgp: { ipv4Address: `10.0.0.${index}/24`, ipv6Address: `fd00:10::${index}/64` },
  });

describe('a mesh of three hosts, both families', () => {
  let net: BgpNet;
  const allUp = async (host: string, count: number) =>
    eventually(
      () => net.sessions(host),
      (sessions) => established(sessions).length === count,
    );
  const since = async (host: string) =>
    Object.fromEntries(
      parseProtocols((await birdCommand('show protocols', { path: net.hosts.get(host)!.socket })).lines)
        .filter((row) => row.proto === 'BGP')
        .map((row) => [row.name, row.since]),
    );

  beforeAll(async () => {
    net = new BgpNet();
    for (const index of [1, 2, 3]) {
      net.host(`n${index}`, [`10.0.0.${index}/24`, `fd00:10::${index}/64`]);
      net.update(
        node(index),
        block(`n${index}`, `10.244.${index}.0/26`),
        block(`n${index}`, `fd00:244:${index}::/122`),
      );
    }
    // A workload with an address of n2's block lives on n1; one of n1's own; and a route that is not ours to announce.
    net.workload('n1', '10.244.1.5/32', 1);
    net.workload('n1', '10.244.2.9/32', 2);
    ip('-n', 'n1', 'route', 'add', '192.0.2.0/24', 'via', '10.0.0.2');
    ip('-n', 'n1', 'route', 'add', '10.244.99.0/26', 'via', '10.0.0.2');
    net.update(
      put('IPPool', 'p4', { cidr: '10.244.0.0/16' }),
      put('IPPool', 'p6', { cidr: 'fd00:244::/32' }),
      put('IPPool', 'secret', { cidr: '10.245.0.0/16', disableBGPExport: true }),
      block('n1', '10.245.1.0/26'),
    );
    await net.sync();
    for (const host of ['n1', 'n2', 'n3']) await allUp(host, 4);
  });
  afterAll(() => net.close());

  test('blocks and borrowed addresses are in the kernel, nothing else', async () => {
    const routes = await eventually(
      () => net.routes('n3').map((line) => line.replace(/ (dev eth0|metric 32)/g, '')),
      (lines) => lines.length === 4,
    );
    expect(routes).toEqual([
      '10.244.1.0/26 via 10.0.0.1',
      '10.244.2.0/26 via 10.0.0.2',
      '10.244.2.9 via 10.0.0.1',
      'blackhole 10.244.3.0/26',
    ]);
    expect(net.routes('n3', 6).map((line) => line.split(' dev')[0])).toEqual([
      'blackhole fd00:244:3::/122',
      'fd00:244:1::/122 via fd00:10::1',
      'fd00:244:2::/122 via fd00:10::2',
    ]);
  });

  test('a new block, peer, filter and service range leave the other sessions alone', async () => {
    const before = await since('n1');
    net.update(
      block('n1', '10.244.1.64/26'),
      put('BGPPeer', 'outside', { node: 'n1', peerIP: '10.0.0.250', asNumber: 64999 }),
      put('BGPFilter', 'unused', { exportV4: [{ action: 'Reject' }] }),
      put('BGPConfiguration', 'default', { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }),
    );
    await net.settled();
    await eventually(
      () => net.routes('n2'),
      (lines) => lines.some((line) => line.startsWith('10.244.1.64/26')),
    );
    const { ['Node_10_0_0_250']: added, ...others } = await since('n1');
    expect(added).toBeDefined();
    expect(others).toEqual(before);
    expect(net.routes('n2').some((line) => line.includes('10.96.'))).toBe(false);
    net.update(remove('BGPPeer', 'outside'));
    await net.settled();
    expect(await since('n1')).toEqual(before);
  });

  test('an update that changes nothing for BGP does not touch BIRD', async () => {
    const { socket } = net.hosts.get('n1')!;
    const changed = async () =>
      (await birdCommand('show status', { path: socket })).lines.find((line) =>
        line.includes('Last reconfiguration'),
      );
    const before = await changed();
    net.update(
      put('Node', 'n2', {
        bgp: { ipv4Address: '10.0.0.2/24', ipv6Address: 'fd00:10::2/64', ipv4IPIPTunnelAddr: '10.244.2.1' },
      }),
      block('n3', '10.244.3.64/26'),
      put('GlobalNetworkPolicy', 'x', { selector: 'all()' }),
    );
    net.update(put('Node', 'n2', { bgp: { ipv4Address: '10.0.0.2/24', ipv6Address: 'fd00:10::2/64' } }));
    await net.settled();
    expect(await changed()).toBe(before);
  });

  test('a bad object is left out alone and named', async () => {
    const before = await since('n1');
    net.update(
      put('BGPPeer', 'no-as', { peerIP: '10.0.0.251' }),
      put('BGPFilter', 'empty', {
        exportV4: [
          {
            cidr: '10.244.0.0/16',
            matchOperator: 'In',
            prefixLength: { min: 30, max: 20 },
            action: 'Reject',
          },
        ],
      }),
    );
    await net.settled();
    expect(net.hosts.get('n1')!.agent.health()).toEqual([
      {
        severity: 'warning',
        subject: 'BGPFilter empty',
        message: 'exportV4[0] is left out: prefixLength 30–20 is empty, so the rule can never match',
      },
      {
        severity: 'warning',
        subject: 'BGPPeer no-as',
        message: 'asNumber is not set: a session needs the AS number of the far end',
      },
    ]);
    expect(await since('n1')).toEqual(before);
    net.update(remove('BGPPeer', 'no-as'), remove('BGPFilter', 'empty'));
    await net.settled();
    expect(net.hosts.get('n1')!.agent.health()).toEqual([]);
  });

  test('a new agent adopts the running BIRD', async () => {
    const host = net.hosts.get('n1')!;
    const before = await since('n1');
    const pid = readFileSync(join(host.folder, 'run', 'bird.pid'), 'utf8');
    await host.agent.stop();
    const next = net.agent('n1');
    await net.sync();
    expect(readFileSync(join(host.folder, 'run', 'bird.pid'), 'utf8')).toBe(pid);
    expect(await since('n1')).toEqual(before);
    expect(next.agent.health()).toEqual([]);
  });

  for (const [what, hurt] of [
    ['killed', (pid: number) => process.kill(pid, 'SIGKILL')],
    ['hung', (pid: number) => process.kill(pid, 'SIGSTOP')],
    ['without its socket', (_: number, socket: string) => rmSync(socket)],
  ] as const) {
    test(`BIRD ${what} comes back, and its peers keep its routes meanwhile`, async () => {
      const host = net.hosts.get('n1')!;
      const pid = Number(readFileSync(join(host.folder, 'run', 'bird.pid'), 'utf8'));
      const monitor = join(host.folder, 'monitor');
      const watcher = net.run('n2', 'sh', '-c', `exec ip -4 monitor route > ${monitor}`);
      hurt(pid, host.socket);
      await eventually(
        () => Number(readFileSync(join(host.folder, 'run', 'bird.pid'), 'utf8')),
        (now) => now !== pid && now > 0,
      );
      await allUp('n1', 4);
      // A second crash before the recovery from the first is over would cost routes: BIRD's peers see to that.
      await eventually(
        () => daemonStatus({ path: host.socket }),
        ({ recovering }) => !recovering,
      );
      watcher.kill();
      expect(readFileSync(monitor, 'utf8')).not.toContain('Deleted');
      await eventually(
        () => host.agent.health(),
        (items) => items.length === 0,
      );
    });
  }

  test('a folder that cannot be written is said, and made good when it can', async () => {
    const host = net.hosts.get('n1')!;
    const folder = join(host.folder, 'etc');
    execFileSync('mount', ['--bind', folder, folder]);
    execFileSync('mount', ['-o', 'remount,ro,bind', folder]);
    net.update(block('n1', '10.244.1.128/26'));
    await net.settled();
    expect(host.agent.health()[0]).toMatchObject({ severity: 'error', subject: 'BIRD' });
    expect(host.agent.health()[0]!.message).toContain('cannot write');
    execFileSync('umount', [folder]);
    await eventually(
      () => net.routes('n2'),
      (lines) => lines.some((line) => line.startsWith('10.244.1.128/26')),
    );
    expect(host.agent.health()).toEqual([]);
  });
});

describe('a host that gives BGP up', () => {
  test('tells its peers and leaves no route of BIRD behind', async () => {
    const net = new BgpNet();
    try {
      for (const index of [1, 2]) {
        net.host(`n${index}`, [`10.0.0.${index}/24`, `fd00:10::${index}/64`]);
        net.update(
          node(index),
          block(`n${index}`, `10.244.${index}.0/26`),
          block(`n${index}`, `fd00:244:${index}::/122`),
        );
      }
      net.update(
        put('IPPool', 'p4', { cidr: '10.244.0.0/16' }),
        put('IPPool', 'p6', { cidr: 'fd00:244::/32' }),
      );
      await net.sync();
      await eventually(
        () => [...net.routes('n1'), ...net.routes('n1', 6)],
        (lines) => lines.length === 4,
      );
      const { agent, folder, socket } = net.hosts.get('n1')!;
      await agent.stop();
      const paths = {
        binary: join(folder, 'bird'),
        socket,
        config: join(folder, 'etc', 'bird.conf'),
        pid: join(folder, 'run', 'bird.pid'),
        log: join(folder, 'bird.log'),
      };
      expect(await retireBird(paths)).toBe(true);
      expect([...net.routes('n1'), ...net.routes('n1', 6)]).toEqual([]);
      expect((await net.sessions('n2'))['Mesh_10_0_0_1']).toContain('Administrative shutdown');
      expect(await retireBird(paths)).toBe(false);
    } finally {
      await net.close();
    }
  });
});

describe('the supervisor', () => {
  const good = 'router id 1.1.1.1;\nprotocol device { scan time 10; }\n';
  let folder = '';
  let paths: BirdPaths;
  const make = () => new BirdSupervisor({ paths, log: silentBgpLog, timing: { probe: 50 } });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bgp-supervisor-'));
    paths = {
      binary: '/usr/sbin/bird',
      config: join(folder, 'bird.conf'),
      socket: join(folder, 'bird.ctl'),
      pid: join(folder, 'bird.pid'),
      log: join(folder, 'bird.log'),
    };
  });
  afterEach(async () => {
    await birdCommand('down', { path: paths.socket }).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  test('a refused configuration leaves the old one running and quotes the line', async () => {
    const supervisor = make();
    await supervisor.apply(good);
    expect(supervisor.faults).toEqual([]);
    const pid = runningBird(paths);
    await supervisor.apply('router id 1.1.1.1;\nprotocol nonsense { }\n');
    expect(supervisor.faults.map(({ code }) => code)).toEqual(['configuration']);
    expect(supervisor.faults[0]!.message).toContain('bird.conf:2:');
    expect(supervisor.faults[0]!.message).toContain('protocol nonsense');
    expect(readFileSync(paths.config, 'utf8')).toBe(good);
    expect(runningBird(paths)).toBe(pid!);
    await supervisor.apply(`${good}# other\n`);
    expect(supervisor.faults).toEqual([]);
  });

  test('a daemon that died while nobody looked comes back before anything is known', async () => {
    const first = make();
    await first.apply(good);
    process.kill(runningBird(paths)!, 'SIGKILL');
    await eventually(
      () => runningBird(paths),
      (pid) => pid === undefined,
    );
    const second = make();
    second.start();
    await eventually(
      () => runningBird(paths),
      (pid) => pid !== undefined,
    );
    await second.detach();
  });

  test('a refused configuration does not keep a dead daemon from coming back with the old one', async () => {
    const first = make();
    await first.apply(good);
    process.kill(runningBird(paths)!, 'SIGKILL');
    await eventually(
      () => runningBird(paths),
      (pid) => pid === undefined,
    );
    const second = make();
    second.start();
    await second.apply('protocol nonsense { }\n');
    await eventually(
      () => runningBird(paths),
      (pid) => pid !== undefined,
    );
    expect(readFileSync(paths.config, 'utf8')).toBe(good);
    await eventually(
      () => second.faults.map(({ code }) => code),
      (codes) => codes.join() === 'configuration',
    );
    await second.detach();
  });

  test('a missing executable is said with its cure', async () => {
    paths = { ...paths, binary: join(folder, 'no-bird') };
    const supervisor = make();
    await supervisor.apply(good);
    expect(supervisor.faults[0]!.message).toContain('no-bird');
  });
});

describe('border routers of other makers', () => {
  let net: BgpNet;
  beforeAll(async () => {
    net = new BgpNet();
    net.host('n1', ['10.0.0.1/24', 'fd00:10::1/64']);
    net.host('n2', ['10.0.0.2/24', 'fd00:10::2/64']);
    net.namespace('frr', ['10.0.0.254/24', 'fd00:10::fe/64']);
    net.namespace('gobgp', ['10.0.0.253/24']);
    for (const host of net.hosts.values()) {
      execFileSync('mkdir', ['-p', join(host.folder, 'secrets', 'bgp')]);
      writeFileSync(join(host.folder, 'secrets', 'bgp', 'frr'), "it's;{1\n");
    }
    const config = join(net.folder, 'bgpd.conf');
    const neighbours = ['10.0.0.1', '10.0.0.2', 'fd00:10::1', 'fd00:10::2'];
    writeFileSync(
      config,
      [
        'router bgp 64601',
        ' bgp router-id 10.0.0.254',
        ' no bgp ebgp-requires-policy',
        ' no bgp default ipv4-unicast',
        ' no bgp network import-check',
        ...neighbours.flatMap((peer) => [
          ` neighbor ${peer} remote-as ${peer.endsWith('2') ? 65002 : 65001}`,
          ` neighbor ${peer} password it's;{1`,
          ` neighbor ${peer} timers connect 1`,
          ` neighbor ${peer} ttl-security hops 1`,
        ]),
        ' address-family ipv4 unicast',
        '  network 198.51.100.0/24',
        '  neighbor 10.0.0.1 activate',
        '  neighbor 10.0.0.2 activate',
        ' exit-address-family',
        ' address-family ipv6 unicast',
        '  network 2001:db8:1::/48',
        '  neighbor fd00:10::1 activate',
        '  neighbor fd00:10::2 activate',
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
      config,
      '-i',
      join(net.folder, 'bgpd.pid'),
      '--vty_socket',
      net.folder,
    );
    const gobgp = join(net.folder, 'gobgp.toml');
    writeFileSync(
      gobgp,
      [
        '[global.config]\nas = 64602\nrouter-id = "10.0.0.253"',
        ...[1, 2].map(
          (index) =>
            `[[neighbors]]\n[neighbors.config]\nneighbor-address = "10.0.0.${index}"\npeer-as = 6500${index}\n[neighbors.timers.config]\nconnect-retry = 1\nidle-hold-time-after-reset = 1`,
        ),
        '',
      ].join('\n'),
    );
    net.run('gobgp', '/usr/bin/gobgpd', '-f', gobgp);
    for (const index of [1, 2]) {
      net.update(
        put('Node', `n${index}`, {
          bgp: {
            ipv4Address: `10.0.0.${index}/24`,
            ipv6Address: `fd00:10::${index}/64`,
            asNumber: 65000 + index,
          },
        }),
        block(`n${index}`, `10.244.${index}.0/26`),
        block(`n${index}`, `fd00:244:${index}::/122`),
      );
    }
    const secured = {
      asNumber: 64601,
      password: { secretKeyRef: { name: 'bgp', key: 'frr' } },
      ttlSecurity: 1,
      filters: ['tag'],
    };
    net.update(
      put('BGPConfiguration', 'default', {
        nodeToNodeMeshEnabled: false,
        serviceClusterIPs: [{ cidr: '10.96.0.0/12' }],
        communities: [{ name: 'site', value: '65000:100' }],
        prefixAdvertisements: [{ cidr: '10.244.0.0/16', communities: ['site', '65000:1:2'] }],
      }),
      put('IPPool', 'p4', { cidr: '10.244.0.0/16' }),
      put('IPPool', 'p6', { cidr: 'fd00:244::/32' }),
      put('BGPFilter', 'tag', {
        exportV4: [{ cidr: '10.96.0.0/12', matchOperator: 'Equal', action: 'Reject' }],
      }),
      put('BGPPeer', 'frr', { peerIP: '10.0.0.254', ...secured }),
      put('BGPPeer', 'frr6', { peerIP: 'fd00:10::fe', ...secured }),
      put('BGPPeer', 'gobgp', { peerIP: '10.0.0.253', asNumber: 64602 }),
    );
    await net.sync();
  });
  afterAll(() => net.close());

  const vtysh = (command: string) =>
    JSON.parse(
      execFileSync('vtysh', ['--vty_socket', net.folder, '-d', 'bgpd', '-c', command], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    ) as { routes?: Record<string, unknown> };

  test('sessions with MD5 password and TTL security come up in both families', async () => {
    for (const host of ['n1', 'n2']) {
      await eventually(
        () => net.sessions(host),
        (sessions) => established(sessions).length === 3,
      );
    }
  });

  test('FRR has the blocks, and neither the filtered services nor anything else', async () => {
    const routes = (family: string) =>
      Object.keys(vtysh(`show bgp ${family} unicast json`).routes ?? {}).sort();
    await eventually(
      () => routes('ipv4'),
      (all) => all.length === 3,
    );
    expect(routes('ipv4')).toEqual(['10.244.1.0/26', '10.244.2.0/26', '198.51.100.0/24']);
    expect(routes('ipv6')).toEqual(['2001:db8:1::/48', 'fd00:244:1::/122', 'fd00:244:2::/122']);
    const detail = JSON.stringify(vtysh('show bgp ipv4 unicast 10.244.1.0/26 json'));
    expect(detail).toContain('65000:100');
    expect(detail).toContain('65000:1:2');
  });

  test('GoBGP has the blocks and the service range', async () => {
    const rib = () =>
      Object.keys(
        JSON.parse(
          execFileSync('ip', ['netns', 'exec', 'gobgp', 'gobgp', 'global', 'rib', '-j'], {
            encoding: 'utf8',
          }),
        ) as Record<string, unknown>,
      ).sort();
    await eventually(rib, (all) => all.length >= 3);
    // What FRR announces lies outside the pools: hosts do not pass it on.
    expect(rib()).toEqual(['10.244.1.0/26', '10.244.2.0/26', '10.96.0.0/12']);
  });

  test('hosts reach each other by both routers, and what is outside', async () => {
    await eventually(
      () => net.routes('n2').join('\n'),
      (text) => /10\.244\.1\.0\/26 .*via 10\.0\.0\.\d+.*via 10\.0\.0\.\d+/s.test(text),
    );
    expect(net.routes('n2').some((line) => line.startsWith('198.51.100.0/24 '))).toBe(true);
    expect(net.routes('n2', 6).some((line) => line.startsWith('2001:db8:1::/48 via fd00:10::fe'))).toBe(true);
  });
});
