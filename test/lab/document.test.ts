/** The driving document's network as a lab: up, as planned, repaired, through failures without loss, and gone. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { documentInventory, TestLab } from './support.ts';

const lab = new TestLab('document');

beforeAll(async () => {
  await lab.up(documentInventory);
}, 120_000);

afterAll(() => lab.down());

describe('as planned', () => {
  test('sessions, routes, reachability and endpoints are what the inventory says', async () => {
    const { areas, differences } = await lab.check();
    expect(differences).toEqual([]);
    expect(areas.sessions).toEqual({ expected: 9, held: 9 });
    expect(areas.icmp).toEqual({ expected: 12, held: 12 });
    expect(areas.tcp).toEqual({ expected: 12, held: 12 });
    expect(areas['pod-to-host']).toEqual({ expected: 24, held: 24 });
  });

  test('calicoctl.sh answers on a host', async () => {
    const status = await lab.exec('node2', 'calicoctl.sh', 'node', 'status');
    for (const peer of ['10.210.1.10', '10.210.1.11'])
      expect(status).toMatch(new RegExp(`${peer} +\\| node specific \\| up .*Established`));
    const pools = await lab.exec('node2', 'calicoctl.sh', 'get', 'ippool', '-o', 'wide');
    expect(pools).toMatch(/^default-pool +10\.233\.64\.0\/18 +true +Never +Never +false/m);
    const endpoints = await lab.exec('node2', 'calicoctl.sh', 'get', 'workloadEndpoint', '-o', 'wide');
    expect(endpoints.match(/kns\.default,ksa\.default\.default/g)).toHaveLength(4);
    expect(await lab.exec('node2', 'calicoctl.sh', 'get', 'hostEndpoint', '-o', 'wide')).toMatch(
      /^NAME +NODE/,
    );
  });

  test("Debian's etcdctl shows Project Calico's keys and JSON", async () => {
    const text = await lab.exec(
      'node3',
      ...['env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', 'https://10.210.1.13:2379'],
      ...['--cacert', '/etc/calico/certs/ca_cert.crt', '--cert', '/etc/calico/certs/cert.crt'],
      ...['--key', '/etc/calico/certs/key.pem', 'get', '--prefix', '/calico/'],
    );
    const lines = text.trimEnd().split('\n');
    const value = (key: string) => JSON.parse(lines[lines.indexOf(key) + 1]!) as Record<string, never>;
    const resources = '/calico/resources/v3/projectcalico.org';
    expect(value(`${resources}/ippools/default-pool`)).toMatchObject({
      kind: 'IPPool',
      apiVersion: 'projectcalico.org/v3',
      metadata: { name: 'default-pool', uid: expect.any(String), creationTimestamp: expect.any(String) },
      spec: {
        cidr: '10.233.64.0/18',
        blockSize: 24,
        natOutgoing: true,
        ipipMode: 'Never',
        vxlanMode: 'Never',
      },
    });
    expect(value(`${resources}/nodes/rr0`)).toMatchObject({
      metadata: { labels: { 'i-am-a-route-reflector': 'true' } },
      spec: { bgp: { ipv4Address: '10.210.1.10/24', routeReflectorClusterID: '1.0.0.1' } },
    });
    expect(value(`${resources}/bgpconfigurations/default`)).toMatchObject({
      spec: { asNumber: 65400, nodeToNodeMeshEnabled: false, logSeverityScreen: 'Info' },
    });
    expect(
      lines.filter((line) => /^\/calico\/ipam\/v2\/host\/node\d\/ipv4\/block\/10\.233\./.test(line)),
    ).toHaveLength(4);
  });

  test('a second start says that the lab runs, one of another inventory is refused', async () => {
    const again = await lab.run('up', '-i', documentInventory);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('runs already');
    const other = await lab.run('up', '-i', 'another.ini');
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('was made of another inventory');
  });

  test('pods come and go through the CNI plugin', async () => {
    expect(await lab.must('pod', 'add', 'node4/web', '--label', 'role=x')).toMatch(
      /^added node4\/web: 10\.233\./,
    );
    await lab.settled();
    expect((await lab.check()).areas.icmp.expected).toBe(20);
    expect((await lab.run('pod', 'add', 'node4/web')).stderr).toContain('there is a pod node4/web already');
    await lab.must('pod', 'delete', 'node4/web');
    await lab.settled();
  });
});

describe('drift', () => {
  const repaired = async (host: string, ...command: readonly string[]) => {
    await lab.exec(host, ...command);
    await lab.settled();
  };

  test('a route of an endpoint that someone deleted', async () => {
    const address = await lab.address('node2/pod1');
    await repaired('node2', 'ip', 'route', 'del', address);
  });

  test("every route of the agent's", async () => {
    await repaired('node3', 'ip', 'route', 'flush', 'proto', '80');
  });

  test('the whole ruleset', async () => {
    const rules = () => lab.exec('node4', 'nft', 'list', 'tables');
    const before = await rules();
    expect(before).toContain('calico');
    await repaired('node4', 'nft', 'flush', 'ruleset');
    const until = performance.now() + 10_000;
    while ((await rules()) !== before && performance.now() < until) await Bun.sleep(50);
    expect(await rules()).toBe(before);
  });

  test('is logged with what was missing', async () => {
    expect(await lab.must('logs', 'node3', '--program', 'calico-node')).toMatch(/drift/i);
  });
});

describe('failures under traffic', () => {
  test('nothing is lost when programs are killed and etcd is away', async () => {
    const target = await lab.address('node5/pod1');
    const server = lab.run('exec', 'node5/pod1', '--', 'timeout', '60', 'iperf3', '-s', '-1', '-p', '5301');
    const pings = lab.run('exec', 'node2/pod1', '--', 'ping', '-q', '-i', '0.02', '-w', '25', target);
    await Bun.sleep(300);
    const stream = lab.run(
      ...(['exec', 'node2/pod1', '--', 'iperf3', '-J', '-c', target, '-p', '5301'] as const),
      ...['-t', '20', '-b', '20M', '-i', '0.5'],
    );
    for (const victim of [
      'node2/calico-node',
      'node5/calico-node',
      'node2/bird',
      'node5/bird',
      'rr0/bird',
      'node2/etcd',
    ]) {
      await lab.must('process', 'kill', victim);
      await Bun.sleep(1500);
    }
    const members = ['node2/etcd', 'node3/etcd', 'node4/etcd'];
    for (const member of members) await lab.must('process', 'stop', member);
    await Bun.sleep(6000);
    for (const member of members) await lab.must('process', 'start', member);
    const report = JSON.parse((await stream).stdout) as {
      readonly error?: string;
      readonly intervals: readonly { readonly sum: { readonly bytes: number } }[];
    };
    expect(report.error).toBeUndefined();
    expect(report.intervals.filter(({ sum }) => sum.bytes === 0)).toEqual([]);
    expect((await pings).stdout).toMatch(/ 0% packet loss/);
    await server;
    await lab.settled(30_000);
  }, 90_000);
});

describe('the end', () => {
  test('down leaves nothing, and again is no error', async () => {
    expect(await lab.must('down')).toContain('is gone');
    expect(readdirSync(lab.folder)).toEqual([]);
    expect(await lab.must('down')).toContain('nothing to do');
    expect((await lab.run('check')).stderr).toContain('there is no lab');
  });

  test('an interrupted start leaves nothing', async () => {
    const child = lab.startUp(documentInventory);
    await Bun.sleep(1500);
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130);
    expect(readdirSync(lab.folder)).toEqual([]);
  });
});
