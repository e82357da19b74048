/** A machine of the lab: network, mount and UTS namespaces in which programs are started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { CalicoError } from '../../errors.ts';
import { createNamespace, Namespace, RtNetlink, runProgram, writeSysctl } from '../../linux/index.ts';
import type { LabMachine } from '../topology.ts';

/** How a program is started. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptor of the log. */
  readonly log: number;
}

/** Search path of every program on a machine. */
export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/cni/bin';

/** See the file's comment. Descriptors keep the namespaces: no process has to live in them. */
export class Machine {
  readonly name: string;
  readonly network: Namespace;
  readonly #descriptors: readonly number[];
  /** Arguments of nsenter, in the holder's namespaces. */
  readonly enter: readonly string[];

  private constructor(name: string, network: Namespace, descriptors: readonly number[]) {
    this.name = name;
    this.network = network;
    this.#descriptors = descriptors;
    const [mount, uts] = descriptors;
    this.enter = [`--net=/run/netns/${name}`, `--mount=/proc/1/fd/${mount}`, `--uts=/proc/1/fd/${uts}`];
  }

  /** Makes the namespaces; nothing is mounted yet. */
  static async create(name: string): Promise<Machine> {
    createNamespace(name);
    // The program echoes once it runs, which is when its namespaces are there.
    const child = spawn('unshare', ['--mount', '--uts', '--propagation', 'slave', 'cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new CalicoError('KERNEL', `the namespaces of ${name} cannot be made`)));
      child.stdout!.once('data', () => resolve());
      child.stdin!.write('.');
    });
    const descriptors = ['mnt', 'uts'].map((kind) => openSync(`/proc/${child.pid}/ns/${kind}`, 'r'));
    child.stdin!.end();
    const machine = new Machine(name, Namespace.open(name), descriptors);
    await runProgram('nsenter', [`--uts=/proc/1/fd/${descriptors[1]}`, 'hostname', name]);
    return machine;
  }

  /** Connects the machine to its switch and gives it addresses, routes and a forwarding kernel. */
  connect(machine: LabMachine, underlay: RtNetlink): void {
    const bridge = underlay.requireLink(machine.switch);
    underlay.addLink(
      machine.port,
      { kind: 'veth', peer: { name: 'eth0', namespaceFd: this.network.fd } },
      { master: bridge.index, up: true },
    );
    this.network.run(() => {
      writeSysctl('net/ipv4/ip_forward', 1);
      writeSysctl('net/ipv6/conf/all/forwarding', 1);
      writeSysctl('net/ipv6/conf/default/accept_dad', 0);
      writeSysctl('net/ipv6/conf/eth0/accept_dad', 0);
      writeSysctl('net/ipv4/conf/all/rp_filter', 0);
      writeSysctl('net/ipv4/conf/default/rp_filter', 0);
    });
    const netlink = new RtNetlink({ namespace: this.network });
    netlink.setLink('lo', { up: true });
    netlink.setLink('eth0', { up: true });
    for (const address of machine.addresses) netlink.addAddress('eth0', address);
    for (const { address } of machine.further)
      netlink.addAddress('lo', `${address}${address.includes(':') ? '/128' : '/32'}`);
    const { index } = netlink.requireLink('eth0');
    for (const gateway of machine.gateways) {
      const dst = gateway.includes(':') ? '::/0' : '0.0.0.0/0';
      netlink.replaceRoute({ dst, hops: [{ oif: index, gateway }] });
    }
    netlink.close();
    for (const { address, routed } of machine.further) {
      const gateway = machine.addresses[0]!.split('/')[0]!;
      if (routed) underlay.replaceRoute({ dst: `${address}/32`, hops: [{ oif: bridge.index, gateway }] });
    }
  }

  /** Starts a program on the machine; its process id is that of the program itself. */
  start(command: readonly string[], options: StartOptions): ChildProcess {
    return spawn('nsenter', [...this.enter, '--', ...command], {
      stdio: ['ignore', options.log, options.log],
      env: { PATH: searchPath, LANG: 'C.UTF-8', HOME: '/root', ...options.env },
    });
  }

  /** Runs a program to its end and returns its output. */
  run(
    command: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
  ): Promise<string> {
    const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    return runProgram(
      'nsenter',
      [
        ...this.enter,
        '--',
        '/usr/bin/env',
        '-i',
        `PATH=${searchPath}`,
        'LANG=C.UTF-8',
        'HOME=/root',
        ...env,
        ...command,
      ],
      options.input === undefined ? {} : { input: options.input },
    );
  }

  close(): void {
    this.network.close();
    for (const descriptor of this.#descriptors) closeSync(descriptor);
  }
}
