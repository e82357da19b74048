/** calico-node as a process on an etcd of its own, in the test's network namespace. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EtcdClient } from '../../src/datastore/index.ts';
import { RtNetlink } from '../../src/linux/index.ts';
import { startEtcd } from './etcd.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** A started calico-node. */
export interface NodeProcess {
  readonly child: ChildProcess;
  output(): string;
  readonly exit: Promise<number | null>;
}

/** A host with an etcd, on which calico-node can be started. */
export interface NodeHost {
  readonly folder: string;
  readonly client: EtcdClient;
  start(overrides?: Readonly<Record<string, string>>, args?: readonly string[]): NodeProcess;
  /** Runs `calico-node FLAGS` to its end. */
  run(
    flags: readonly string[],
    overrides?: Readonly<Record<string, string>>,
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  /** The stored resource at `<plural>/<name>`. */
  resource(path: string): Promise<ReturnType<typeof JSON.parse>>;
  close(): Promise<void>;
}

/** Makes the host: `eth0` with 10.210.1.12/24, etcd, folders of its own. */
export async function makeNodeHost(): Promise<NodeHost> {
  const folder = mkdtempSync(join(tmpdir(), 'calico-node-'));
  const etcd = await startEtcd();
  const client = etcd.client();
  const netlink = new RtNetlink();
  netlink.addLink('eth0', { kind: 'veth', peer: { name: 'cable' } }, { up: true });
  netlink.setLink('cable', { up: true });
  netlink.addAddress('eth0', '10.210.1.12/24');
  netlink.close();
  const env: Record<string, string> = {
    PATH: process.env['PATH']!,
    ETCD_ENDPOINTS: etcd.endpoints.join(','),
    NODENAME: 'node2',
    IP: '10.210.1.12',
    CLUSTER_TYPE: 'kubespray,bgp',
    FELIX_HEALTHENABLED: 'true',
    CALICO_IPV4POOL_CIDR: '10.233.64.0/18',
    CALICO_RUN_DIR: join(folder, 'run'),
    CALICO_LIB_DIR: join(folder, 'lib'),
    CALICO_ETC_DIR: join(folder, 'etc'),
    CALICO_LOG_DIR: join(folder, 'log'),
  };
  const started: ChildProcess[] = [];
  return {
    folder,
    client,
    start: (overrides = {}, args = []) => {
      const child = spawn(process.execPath, [main, 'node', ...args], {
        env: { ...env, ...overrides },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      started.push(child);
      let text = '';
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on('data', (chunk: Buffer) => {
          text += chunk;
        });
      }
      return { child, output: () => text, exit: new Promise((resolve) => child.once('exit', resolve)) };
    },
    run: (flags, overrides = {}) =>
      spawnSync(process.execPath, [main, 'node', ...flags], {
        env: { ...env, ...overrides },
        encoding: 'utf8',
      }),
    resource: async (path) => {
      const [pair] = (await client.range({ key: `/calico/resources/v3/projectcalico.org/${path}` })).pairs;
      return pair && JSON.parse(Buffer.from(pair.value).toString('utf8'));
    },
    close: async () => {
      for (const one of started) one.kill('SIGKILL');
      endBird(join(folder, 'run/bird.pid'));
      const netlink = new RtNetlink();
      netlink.deleteLink('eth0');
      netlink.close();
      // The rules outlive calico-node as well, and the next test file shares this network.
      for (const family of ['ip', 'ip6'])
        spawnSync('nft', ['delete', 'table', family, 'calico'], { stdio: 'ignore' });
      client.close();
      await etcd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until something holds. @throws after about ten seconds, naming it */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come true`);
}

/** BIRD outlives calico-node by design: a test ends it itself. */
function endBird(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
