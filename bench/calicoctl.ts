/**
 * calicoctl as a whole process, time and peak memory, beside etcdctl that reads the same keys:
 *   node scripts/build.mjs && node scripts/isolated.mjs bun bench/calicoctl.ts [ENDPOINTS] [RUNS]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvDatastore } from '../src/datastore/index.ts';
import { workloadEndpointName } from '../src/resources/index.ts';
import { startEtcd } from '../test/support/etcd.ts';

const endpoints = Number(process.argv[2] ?? 10_000);
const runs = Number(process.argv[3] ?? 7);
const executable = join(import.meta.dirname, '../dist/calico');
const etcd = await startEtcd();
const client = etcd.client();
const store = new KvDatastore('etcd', client);

async function put(
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  namespace?: string,
): Promise<void> {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const key = { type: 'resource' as const, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  await store.put(key, { apiVersion: 'projectcalico.org/v3', kind, metadata, spec });
}

await put('ClusterInformation', 'default', { datastoreReady: true, calicoVersion: 'v3.32.1' });
const nodes = Array.from({ length: 20 }, (_, i) => `node${i + 1}`);
for (const node of nodes) await put('Node', node, { bgp: { ipv4Address: '10.0.0.1/24' } });

async function putEndpoint(i: number): Promise<void> {
  const node = nodes[i % nodes.length]!;
  const pod = `web-${String(i).padStart(6, '0')}-abcde`;
  const name = workloadEndpointName({ node, orchestrator: 'k8s', pod, endpoint: 'eth0', containerID: '' });
  if (typeof name !== 'string') throw new Error(name.reason);
  const spec = {
    orchestrator: 'k8s',
    node,
    containerID: createHash('sha256').update(String(i)).digest('hex'),
    pod,
    endpoint: 'eth0',
    ipNetworks: [`10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`],
    profiles: ['kns.default', 'ksa.default.default'],
    interfaceName: `cali${i.toString(16).padStart(11, '0')}`,
    mac: 'ee:ee:ee:ee:ee:ee',
  };
  await put('WorkloadEndpoint', name, spec, 'default');
}
for (let i = 0; i < endpoints; i += 100) {
  await Promise.all(Array.from({ length: Math.min(100, endpoints - i) }, (_, k) => putEndpoint(i + k)));
}
store.close();

const folder = mkdtempSync(join(tmpdir(), 'bench-calicoctl-'));
const output = join(folder, 'output');
const env = {
  PATH: process.env['PATH'],
  DATASTORE_TYPE: 'etcdv3',
  ETCD_ENDPOINTS: etcd.endpoints[0],
  ETCDCTL_API: '3',
};

/** Milliseconds of one process, whose output goes to a file. */
async function run(program: string, args: readonly string[]): Promise<number> {
  const out = openSync(output, 'w');
  const began = performance.now();
  const child = Bun.spawn([program, ...args], { env, stdin: 'ignore', stdout: out, stderr: 'inherit' });
  const code = await child.exited;
  const ms = performance.now() - began;
  closeSync(out);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return ms;
}

/** Peak memory by `time`: a child of this process would count this process's memory as its own. */
function peakMiB(program: string, args: readonly string[]): number {
  const { stderr } = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  return Number(stderr.trim().split('\n').at(-1)) / 1024;
}

const prefix = '/calico/resources/v3/projectcalico.org';
const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ['calicoctl version --client', executable, ['ctl', 'version', '--client']],
  ['calicoctl version', executable, ['ctl', 'version']],
  ['etcdctl version', 'etcdctl', ['version']],
  ['calicoctl get nodes', executable, ['ctl', 'get', 'nodes']],
  [
    'etcdctl get nodes',
    'etcdctl',
    ['--endpoints', etcd.endpoints[0]!, 'get', '--prefix', `${prefix}/nodes/`],
  ],
  ['calicoctl get workloadEndpoints -A', executable, ['ctl', 'get', 'workloadEndpoints', '-A']],
  [
    'calicoctl get workloadEndpoints -A -o yaml',
    executable,
    ['ctl', 'get', 'workloadEndpoints', '-A', '-o', 'yaml'],
  ],
  [
    'etcdctl get workloadendpoints',
    'etcdctl',
    ['--endpoints', etcd.endpoints[0]!, 'get', '--prefix', `${prefix}/workloadendpoints/`],
  ],
];
for (const [name, program, args] of cases) {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await run(program, args));
  const peak = peakMiB(program, args);
  times.sort((a, b) => a - b);
  const best = times[0]!.toFixed(1).padStart(7);
  const median = times[times.length >> 1]!.toFixed(1).padStart(7);
  console.log(
    `${name.padEnd(44)} best ${best} ms   median ${median} ms   peak ${peak.toFixed(0).padStart(4)} MiB`,
  );
}
rmSync(folder, { recursive: true, force: true });
await etcd.stop();
