/** IPIP between two hosts, on this kernel where it has IPIP, else under user-mode-linux (which runs this same file). */
import { describe, expect, test } from 'bun:test';
import { execFile, spawn } from 'node:child_process';
import { Namespace, probeKernel, protocol } from '../../src/linux/index.ts';
import { runInUml, umlInstalled } from '../support/uml.ts';
import {
  agentOn,
  eventually,
  makeHosts,
  makePod,
  put,
  route,
  type TestHost,
  workload,
} from './agent-support.ts';

const facts = await probeKernel();
const iface = 'cali0123456789a';

const ping = (from: string, to: string, ...options: string[]) =>
  new Promise<boolean>((resolve) => {
    const namespace = Namespace.open(from);
    namespace.run(() => execFile('ping', ['-c1', '-W2', '-q', ...options, to], (error) => resolve(!error)));
    namespace.close();
  });

/** Counts packets of IP protocol 4 that a host sees on eth0 until stopped. */
async function countIpip(host: TestHost): Promise<(least: number) => Promise<number>> {
  const child = host.namespace.run(() =>
    spawn('tcpdump', ['-l', '-n', '-i', 'eth0', 'ip', 'proto', '4'], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    lines += chunk.toString().split('\n').length - 1;
  });
  await new Promise<void>((resolve) =>
    child.stderr.on('data', (chunk: Buffer) => chunk.includes('listening') && resolve()),
  );
  return async (least) => {
    // What was captured last is printed a moment later.
    await eventually('packets were seen', () => lines >= least).catch(() => undefined);
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGINT');
    await closed;
    return lines;
  };
}

describe.if(facts.ipip.ok)('IPIP between two hosts', () => {
  test('tunl0, its address and MTU, routes, packets of protocol 4 on the wire, full MTU both ways, drift', async () => {
    const hosts = makeHosts('agent-i');
    const { h1, h2 } = hosts;
    const remove = [
      makePod(h1, 'agent-i-pod1', iface, '10.9.1.5'),
      makePod(h2, 'agent-i-pod2', iface, '10.9.2.5'),
    ];
    const cluster = [
      put('pool', 'p', {
        name: 'p',
        cidr: '10.9.0.0/16',
        natOutgoing: false,
        ipipMode: 'Always',
        vxlanMode: 'Never',
        disabled: false,
      }),
      put('host', 'n1', { name: 'n1', ipv4: '192.0.2.1', ipipTunnelAddress: '10.9.1.1', labels: {} }),
      put('host', 'n2', { name: 'n2', ipv4: '192.0.2.2', ipipTunnelAddress: '10.9.2.1', labels: {} }),
    ];
    const block = (n: number, local: boolean) =>
      put(
        'route',
        `10.9.${n}.0/26`,
        route(`10.9.${n}.0/26`, {
          types: [local ? 'local-workload' : 'remote-workload'],
          pool: 'ipip',
          node: `n${n}`,
          nodeAddress: `192.0.2.${n}`,
        }),
      );
    const first = await agentOn(h1, 'n1');
    const second = await agentOn(h2, 'n2');
    try {
      await first.apply([
        ...cluster,
        block(1, true),
        block(2, false),
        put('workload', 'w', workload('pod1', iface, '10.9.1.5')),
      ]);
      await second.apply([
        ...cluster,
        block(1, false),
        block(2, true),
        put('workload', 'w', workload('pod2', iface, '10.9.2.5')),
      ]);
      const device = h1.netlink.requireLink('tunl0');
      expect(device).toMatchObject({ up: true, mtu: 1480, kind: 'ipip' });
      expect(h1.netlink.addresses({ link: 'tunl0', version: 4 }).map((one) => one.address)).toEqual([
        '10.9.1.1/32',
      ]);
      const routes = h1.netlink.routes(4, { protocol: protocol.calico });
      expect(routes.find((one) => one.dst === '10.9.2.0/26')?.hops).toEqual([
        { oif: device.index, gateway: '192.0.2.2', onlink: true },
      ]);
      expect(first.mtus().pod).toBe(1480);

      const stop = await countIpip(h2);
      expect(await ping('agent-i-pod1', '10.9.2.5', '-M', 'do', '-s', String(1480 - 28))).toBe(true);
      expect(await ping('agent-i-pod2', '10.9.1.5', '-M', 'do', '-s', String(1480 - 28))).toBe(true);
      expect(await ping('agent-i-pod1', '10.9.2.5', '-M', 'do', '-s', String(1500 - 28))).toBe(false);
      expect(await stop(4)).toBeGreaterThanOrEqual(4);

      h1.netlink.deleteAddress('tunl0', '10.9.1.1/32');
      h1.netlink.setLink('tunl0', { mtu: 1300 });
      await eventually('address and MTU are back', () => {
        const [address] = h1.netlink.addresses({ link: 'tunl0', version: 4 });
        return address?.address === '10.9.1.1/32' && h1.netlink.link('tunl0')?.mtu === 1480;
      });
      h1.netlink.setLink('tunl0', { up: false });
      await eventually(
        'it works again',
        () => h1.netlink.routes(4, { oif: device.index, protocol: protocol.calico }).length === 1,
      );
      expect(await ping('agent-i-pod1', '10.9.2.5')).toBe(true);

      await first.apply([
        { op: 'delete', kind: 'pool', key: 'p' },
        { op: 'delete', kind: 'route', key: '10.9.2.0/26' },
      ]);
      expect(h1.netlink.addresses({ link: 'tunl0', version: 4 })).toEqual([]);
      expect(h1.netlink.link('tunl0')?.up).toBe(false);
    } finally {
      await first.stop();
      await second.stop();
      for (const one of remove) one();
      hosts.remove();
    }
  }, 60_000);
});

test.if(!facts.ipip.ok && umlInstalled())(
  'the same under user-mode-linux',
  async () => {
    const run = await runInUml([process.execPath, 'test', '--timeout', '60000', import.meta.path], {
      modules: ['veth', 'ipip', 'bridge', 'vxlan', 'af_packet'],
    });
    if (run.exitCode !== 0) throw new Error(run.output);
    expect(run.output).toContain('1 pass');
  },
  120_000,
);
