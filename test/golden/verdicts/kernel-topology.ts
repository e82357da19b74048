/** The recorded topology in real namespaces. Names are those of the recordings; run it isolated. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Namespace } from '../../../src/linux/netns/index.ts';
import { FramePort, HostPort } from '../../support/wire.ts';
import { machines, type Pod, pods, stranger } from './topology.ts';

const hostMac = {
  host1: ['02:10:00:00:00:10', '02:10:00:00:01:10'],
  host2: ['02:10:00:00:00:20', '02:10:00:00:01:20'],
};
const extMac = ['02:10:00:00:00:64', '02:10:00:00:01:64'];
const gatewayMac = 'ee:ee:ee:ee:ee:ee';
const allPods = [...pods, stranger];

/** Blocks of the hosts, as others route them. */
const blocks = {
  host1: ['10.233.64.0/26', '10.233.65.0/26', 'fd10:233:64::100/120', 'fd10:233:65::100/120'],
  host2: ['10.233.64.64/26', '10.233.65.64/26', 'fd10:233:64::200/120', 'fd10:233:65::200/120'],
};

/** A running topology. */
export interface KernelTopology {
  readonly hosts: Readonly<Record<'host1' | 'host2', Namespace>>;
  readonly hostPorts: Readonly<Record<'host1' | 'host2', HostPort>>;
  readonly pods: ReadonlyMap<string, FramePort>;
  /** ext's ports on br0 and br1. */
  readonly ext: readonly [FramePort, FramePort];
  /** The namespace's name as `ip netns` has it. */
  namespaceName(name: string): string;
  /** MAC of a host's interface on br0 or br1. */
  mac(host: 'host1' | 'host2', bridge: 0 | 1): string;
  close(): void;
}

function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-force', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    stdio: 'pipe',
  });
}

function machineCommands(name: keyof typeof machines): readonly string[] {
  const macs = name === 'ext' ? extMac : hostMac[name];
  const lines = ['link set lo up'];
  for (const [i, device] of (['eth0', 'eth1'] as const).entries()) {
    const [v4, v6] = machines[name][device];
    lines.push(`link set ${device} address ${macs[i]}`, `addr add ${v4}/24 dev ${device}`);
    lines.push(`addr add ${v6}/64 dev ${device} nodad`, `link set ${device} up`);
  }
  for (const other of ['host1', 'host2'] as const) {
    if (other === name) continue;
    for (const block of blocks[other]) {
      const gateway = machines[other].eth0[block.includes(':') ? 1 : 0];
      lines.push(`route add ${block} via ${gateway} dev eth0`);
    }
  }
  for (const other of ['host1', 'host2', 'ext'] as const) {
    if (other === name) continue;
    const otherMacs = other === 'ext' ? extMac : hostMac[other];
    for (const [i, device] of (['eth0', 'eth1'] as const).entries()) {
      for (const address of machines[other][device]) {
        lines.push(`neigh add ${address} lladdr ${otherMacs[i]} dev ${device} nud permanent`);
      }
    }
  }
  if (name !== 'ext') {
    lines.push(`route add default via ${machines.ext.eth0[0]} dev eth0`);
    lines.push(`route add ::/0 via ${machines.ext.eth0[1]} dev eth0`);
  }
  return lines;
}

function sysctl(namespace: Namespace, values: Readonly<Record<string, string>>): void {
  namespace.run(() => {
    for (const [name, value] of Object.entries(values)) {
      writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value);
    }
  });
}

let built = 0;

/** Builds it. About 40 commands of `ip`. */
export function buildTopology(): KernelTopology {
  // Several may live at once in one test process.
  const prefix = `t${process.pid}-${built++}-`;
  const names = ['lan', 'host1', 'host2', 'ext', ...allPods.map(({ name }) => name)];
  for (const name of names) execFileSync('ip', ['netns', 'add', `${prefix}${name}`], { stdio: 'pipe' });
  const lan = [
    'link add br0 type bridge',
    'link add br1 type bridge',
    'link set br0 up',
    'link set br1 up',
    'link set lo up',
  ];
  for (const machine of ['host1', 'host2', 'ext']) {
    for (const i of [0, 1]) {
      const port = `${machine}-${i}`;
      lan.push(`link add ${port} type veth peer name eth${i} netns ${prefix}${machine}`);
      lan.push(`link set ${port} master br${i}`, `link set ${port} up`);
    }
  }
  batch(`${prefix}lan`, lan);
  for (const machine of ['host1', 'host2', 'ext'] as const)
    batch(`${prefix}${machine}`, machineCommands(machine));
  for (const host of ['host1', 'host2'] as const) {
    batch(
      `${prefix}${host}`,
      allPods.filter((pod) => pod.host === host).flatMap((pod) => podLink(pod, prefix)),
    );
  }
  for (const pod of allPods) {
    batch(`${prefix}${pod.name}`, [
      'link set lo up',
      `link set eth0 address ${pod.mac}`,
      `addr add ${pod.v4}/32 dev eth0`,
      `addr add ${pod.v6}/128 dev eth0 nodad`,
      'link set eth0 up',
      'route add 169.254.1.1 dev eth0 scope link',
      `neigh add 169.254.1.1 lladdr ${gatewayMac} dev eth0 nud permanent`,
      'route add default via 169.254.1.1',
      `neigh add fe80::ecee:eeff:feee:eeee lladdr ${gatewayMac} dev eth0 nud permanent`,
      'route add ::/0 via fe80::ecee:eeff:feee:eeee dev eth0',
    ]);
  }
  const open = new Map(names.map((name) => [name, Namespace.open(`${prefix}${name}`)]));
  for (const [name, namespace] of open) {
    const router = name === 'host1' || name === 'host2' || name === 'ext' ? '1' : '0';
    sysctl(namespace, {
      'net.ipv4.ip_forward': router,
      'net.ipv6.conf.all.forwarding': router,
      'net.ipv4.icmp_ratelimit': '0',
      'net.ipv4.icmp_msgs_per_sec': '100000',
      'net.ipv6.icmp.ratelimit': '0',
      'net.ipv4.conf.all.rp_filter': '0',
      'net.ipv4.conf.default.rp_filter': '0',
    });
  }
  const ns = (name: string): Namespace => open.get(name)!;
  const podPorts = new Map(
    allPods.map((pod) => [pod.name, new FramePort(ns(pod.name), 'eth0', pod.mac, gatewayMac)]),
  );
  const ext = [0, 1].map(
    (i) => new FramePort(ns('ext'), `eth${i}`, extMac[i]!, hostMac.host1[i]!),
  ) as unknown as readonly [FramePort, FramePort];
  const hostPorts = { host1: new HostPort(ns('host1')), host2: new HostPort(ns('host2')) };
  return {
    hosts: { host1: ns('host1'), host2: ns('host2') },
    hostPorts,
    pods: podPorts,
    ext,
    namespaceName: (name) => `${prefix}${name}`,
    mac: (host, bridge) => hostMac[host][bridge]!,
    close: () => {
      for (const port of [...podPorts.values(), ...ext, ...Object.values(hostPorts)]) port.close();
      for (const namespace of open.values()) namespace.close();
      for (const name of names)
        execFileSync('ip', ['netns', 'delete', `${prefix}${name}`], { stdio: 'pipe' });
    },
  };
}

/** The host's side of a pod, with what the agent's route and endpoint managers would add. */
function podLink({ name, v4, v6, mac }: Pod, prefix: string): readonly string[] {
  const device = `cali${name}`;
  return [
    `link add ${device} address ${gatewayMac} type veth peer name eth0 netns ${prefix}${name}`,
    `link set ${device} up`,
    ...(name === stranger.name
      ? []
      : [`route add ${v4}/32 dev ${device} scope link`, `route add ${v6}/128 dev ${device}`]),
    `neigh add ${v4} lladdr ${mac} dev ${device} nud permanent`,
    `neigh add ${v6} lladdr ${mac} dev ${device} nud permanent`,
  ];
}
