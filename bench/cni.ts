/**
 * ADD and DEL as a runtime sees them, the whole process, through calico-node's socket and beside `bridge` + `host-local`:
 *   node scripts/build.mjs && node scripts/isolated.mjs bun bench/cni.ts [PODS]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handleCniRequest, SyncedCniReads, serveCni } from '../src/cni/index.ts';
import { KvDatastore, Syncer } from '../src/datastore/index.ts';
import { createIpam, SyncedSource } from '../src/ipam/index.ts';
import { createNamespace, deleteNamespace } from '../src/linux/index.ts';
import { startEtcd } from '../test/support/etcd.ts';

const pods = Number(process.argv[2] ?? 60);
const executable = join(import.meta.dirname, '../dist/calico');
const pluginFolder = '/usr/lib/cni';
const node = 'node1';
const etcd = await startEtcd();
const client = etcd.client();
const store = new KvDatastore('etcd', client);
const put = (kind: string, name: string, spec: Record<string, unknown>) =>
  store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
await put('ClusterInformation', 'default', { datastoreReady: true });
await put('Node', node, {});
await put('IPPool', 'pool', { cidr: '10.0.0.0/16', blockSize: 22, nodeSelector: 'all()' });

const source = new SyncedSource(store);
const reads = new SyncedCniReads(store, node);
const kinds = ['ClusterInformation', 'IPPool', 'IPReservation', 'Node', 'Profile', 'WorkloadEndpoint'];
const syncer = new Syncer({
  datastore: store,
  queries: [...kinds.map((kind) => ({ type: 'resource' as const, kind })), { type: 'ipam-config' }],
  consumers: [source, reads],
});
syncer.start();
while (syncer.status !== 'in-sync') await new Promise((resolve) => setTimeout(resolve, 5));
const ipam = createIpam(store, { source });
const folder = mkdtempSync(join(tmpdir(), 'bench-cni-'));
const socket = join(folder, 'cni.sock');
/** Milliseconds that calico-node worked on each request. */
let served: number[] = [];
const server = await serveCni(socket, async (request) => {
  const began = performance.now();
  const reply = await handleCniRequest(request, { datastore: store, ipam, reads, clock: () => new Date() });
  served.push(performance.now() - began);
  return reply;
});

const calico = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'bench',
  type: 'calico',
  nodename: node,
  nodename_file_optional: true,
  ipam: { type: 'calico-ipam' },
});
const bridge = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'bridged',
  type: 'bridge',
  bridge: 'cbr0',
  ipam: { type: 'host-local', subnet: '10.99.0.0/16', dataDir: join(folder, 'host-local') },
});

/** Runs a plugin; milliseconds from start to end. */
function run(program: string, command: string, pod: number, stdin: string): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, [], {
      env: {
        PATH: process.env['PATH'],
        CNI_COMMAND: command,
        CNI_CONTAINERID: `bench${String(pod).padStart(6, '0')}x`,
        CNI_NETNS: `/run/netns/bench${pod}`,
        CNI_IFNAME: 'eth0',
        CNI_PATH: pluginFolder,
        CALICO_CNI_SOCKET: socket,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('exit', (code) => {
      if (code === 0) resolve(performance.now() - began);
      else reject(new Error(`${program} ${command}: ${output}`));
    });
    child.stdin.end(stdin);
  });
}

async function measure(program: string, command: string, stdin: string, atOnce: number): Promise<void> {
  const queue = Array.from({ length: pods }, (_, pod) => pod)[Symbol.iterator]();
  const times: number[] = [];
  const requests = client.requests;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const pod of queue) times.push(await run(program, command, pod, stdin));
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const ordered = times.sort((a, b) => a - b);
  const at = (share: number, of = ordered) =>
    (of[Math.floor((of.length - 1) * share)] ?? 0).toFixed(1).padStart(6);
  const within = at(
    0.5,
    served.sort((a, b) => a - b),
  );
  served = [];
  const perCall = ((client.requests - requests) / pods).toFixed(2);
  const name = program === executable ? 'calico' : 'bridge + host-local';
  console.log(
    `${name.padEnd(20)}${command.padEnd(5)}${String(atOnce).padStart(3)} at once   p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   ${String(Math.round(pods / seconds)).padStart(4)} a second   in calico-node ${within} ms   ${perCall} etcd requests`,
  );
}

for (let pod = 0; pod < pods; pod++) createNamespace(`bench${pod}`);
for (const atOnce of [1, 20]) {
  for (const [program, stdin] of [
    [executable, calico],
    [join(pluginFolder, 'bridge'), bridge],
  ] as const) {
    for (const command of ['ADD', 'DEL']) await measure(program, command, stdin, atOnce);
  }
}
for (let pod = 0; pod < pods; pod++) deleteNamespace(`bench${pod}`);
await server.close();
await syncer.stop();
store.close();
await etcd.stop();
