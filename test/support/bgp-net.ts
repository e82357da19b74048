/** Hosts in network namespaces on one switch, each with our BGP agent and a real BIRD; for tests that run isolated. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BgpAgent,
  birdCommand,
  createBgpAgent,
  parseProtocols,
  silentBgpLog,
} from '../../src/bgp/index.ts';
import type { SyncUpdate } from '../../src/datastore/syncer.types.ts';

/** Runs `ip` and gives its output. */
export function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A resource as an update. */
export function put(
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  labels: Record<string, string> = {},
): SyncUpdate {
  return {
    type: 'put',
    kv: {
      key: { type: 'resource', kind, name },
      value: { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec },
      revision: '1',
    },
  };
}

/** The deletion of a resource. */
export function remove(kind: string, name: string): SyncUpdate {
  return { type: 'delete', key: { type: 'resource', kind, name } };
}

/** A confirmed block of a host. */
export function block(host: string, cidr: string): SyncUpdate {
  return {
    type: 'put',
    kv: { key: { type: 'affinity', host, cidr }, value: { state: 'confirmed' }, revision: '1' },
  };
}

/** A host with its agent. */
export interface BgpHost {
  readonly name: string;
  readonly agent: BgpAgent;
  readonly socket: string;
  readonly folder: string;
}

/** A network of hosts. Everything is in the caller's isolated namespaces and one temporary folder. */
export class BgpNet {
  readonly folder = mkdtempSync(join(tmpdir(), 'bgp-net-'));
  readonly hosts = new Map<string, BgpHost>();
  readonly #updates: SyncUpdate[] = [];
  readonly #children: ReturnType<typeof spawn>[] = [];

  constructor() {
    ip('netns', 'add', 'lan');
    ip('-n', 'lan', 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', 'lan', 'link', 'set', 'br0', 'up');
  }

  /** A namespace on the switch. */
  namespace(name: string, addresses: readonly string[]): void {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('link', 'add', `x-${name}`, 'netns', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('-n', 'lan', 'link', 'set', `x-${name}`, 'master', 'br0', 'up');
    execFileSync('ip', [
      'netns',
      'exec',
      name,
      'sysctl',
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
    ]);
    for (const address of addresses) {
      ip('-n', name, 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
    }
    ip('-n', name, 'link', 'set', 'eth0', 'up');
  }

  /** A host with an agent; it gets every update so far and from now on. */
  host(name: string, addresses: readonly string[], env: Readonly<Record<string, string>> = {}): BgpHost {
    this.namespace(name, addresses);
    return this.agent(name, env);
  }

  /** An agent in a namespace that exists already. */
  agent(name: string, env: Readonly<Record<string, string>> = {}): BgpHost {
    const folder = join(this.folder, name);
    mkdirSync(join(folder, 'secrets'), { recursive: true });
    const binary = join(folder, 'bird');
    writeFileSync(binary, `#!/bin/sh\nexec ip netns exec ${name} /usr/sbin/bird "$@"\n`);
    chmodSync(binary, 0o755);
    const socket = join(folder, 'run', 'bird.ctl');
    const agent = createBgpAgent({
      nodeName: name,
      log: silentBgpLog,
      overlap: 0,
      env,
      paths: {
        binary,
        socket,
        config: join(folder, 'etc', 'bird.conf'),
        pid: join(folder, 'run', 'bird.pid'),
        log: join(folder, 'bird.log'),
      },
      secrets: join(folder, 'secrets'),
      debounce: { quiet: 0, longest: 0 },
      timing: { probe: 100, hung: 1000 },
    });
    const host: BgpHost = { name, agent, socket, folder };
    this.hosts.set(name, host);
    agent.start();
    agent.consumer.onUpdates(this.#updates);
    return host;
  }

  /** Gives updates to every agent. */
  update(...updates: readonly SyncUpdate[]): void {
    this.#updates.push(...updates);
    for (const { agent } of this.hosts.values()) agent.consumer.onUpdates(updates);
  }

  /** Tells every agent that the datastore is in sync and waits until BIRD has what they made of it. */
  async sync(): Promise<void> {
    for (const { agent } of this.hosts.values()) agent.consumer.onStatus('in-sync');
    await this.settled();
  }

  async settled(): Promise<void> {
    await Promise.all([...this.hosts.values()].map(({ agent }) => agent.settled()));
  }

  /** A workload: an interface with its route, as the agent would make it. */
  workload(host: string, address: string, index: number): void {
    ip('-n', host, 'link', 'add', `cali${index}`, 'type', 'veth', 'peer', 'name', `pod${index}`);
    ip('-n', host, 'link', 'set', `cali${index}`, 'up');
    ip('-n', host, 'link', 'set', `pod${index}`, 'up');
    ip('-n', host, 'route', 'add', address, 'dev', `cali${index}`, 'scope', 'link');
  }

  /** Starts a program in a namespace; it ends with the network. */
  run(namespace: string, command: string, ...args: readonly string[]): ReturnType<typeof spawn> {
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], { stdio: 'ignore' });
    this.#children.push(child);
    return child;
  }

  /** BIRD's BGP protocols on a host: name → state and reason; empty while BIRD does not answer. */
  async sessions(host: string): Promise<Readonly<Record<string, string>>> {
    const lines = await birdCommand('show protocols', { path: this.hosts.get(host)!.socket }).then(
      (reply) => reply.lines,
      () => [],
    );
    return Object.fromEntries(
      parseProtocols(lines)
        .filter((row) => row.proto === 'BGP')
        .map((row) => [row.name, `${row.bgpState} ${row.reason}`.trim()]),
    );
  }

  /** Kernel routes of BIRD on a host, sorted. */
  routes(host: string, version: 4 | 6 = 4): readonly string[] {
    return ip('-n', host, `-${version}`, 'route', 'show', 'proto', 'bird')
      .replace(/\n\s+nexthop/g, ' nexthop')
      .trim()
      .split('\n')
      .map((line) => line.trim().replace(/\s+/g, ' '))
      .filter(Boolean)
      .sort();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const { agent, socket } of this.hosts.values()) {
      await agent.stop();
      await birdCommand('down', { path: socket }).catch(() => undefined);
    }
    for (const child of this.#children) child.kill('SIGKILL');
    for (const name of ip('netns', 'list')
      .split('\n')
      .flatMap((line) => line.split(' ')[0] || [])) {
      ip('netns', 'delete', name);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until a condition holds; the last value is in the error when it never does. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  holds: (value: T) => boolean,
  limit = 20_000,
): Promise<T> {
  const until = performance.now() + limit;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (performance.now() > until) throw new Error(`never held; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
