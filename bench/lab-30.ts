/**
 * A lab of many hosts with two route reflectors: time per stage and memory.
 *   bun bench/lab-30.ts [HOSTS]     needs dist/calico (npm run build)
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckReport, LabStatus } from '../src/lab/index.ts';

const executable = process.env['CALICO_LAB_EXECUTABLE'] ?? join(import.meta.dirname, '..', 'dist', 'calico');

/** An inventory in the shape of the driving document's: reflectors first, then masters with etcd, then workers. */
export function inventory(hosts: number): string {
  const name = (i: number) => (i < 2 ? `rr${i}` : `node${i}`);
  const all = Array.from({ length: hosts }, (_, i) => i);
  const lines = (from: number, to: number) => all.slice(from, to).map(name).join('\n');
  return `[all]
${all.map((i) => `${name(i)} ip=10.210.1.${10 + i}`).join('\n')}

[kube-master]
${lines(2, 5)}

[etcd]
${lines(2, 5)}

[kube-node]
${lines(2, hosts)}

[calico-rr]
${lines(0, 2)}

[k8s-cluster:children]
kube-master
kube-node
calico-rr

[k8s-cluster:vars]
global_as_num=65400
calico_ipip_mode=Never
cluster_id="1.0.0.1"
`;
}

const count = Number(process.argv[2] ?? 30);
const folder = mkdtempSync(join(tmpdir(), 'lab-bench-'));
const env = { ...process.env, CALICO_LAB_DIR: join(folder, 'labs') };
mkdirSync(env.CALICO_LAB_DIR);
const file = join(folder, 'hosts.ini');
writeFileSync(file, inventory(count));
try {
  const up = spawnSync(executable, ['lab', 'up', '--name', 'bench', '-i', file, '-o', 'json'], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (up.status !== 0) throw new Error(`lab up ended with ${up.status}`);
  const json = (command: string) =>
    JSON.parse(
      execFileSync(executable, ['lab', command, '--name', 'bench', '-o', 'json'], {
        env,
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      }),
    ) as unknown;
  const report = json('check') as CheckReport;
  const status = json('status') as LabStatus;
  const total = status.stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  for (const { stage, milliseconds } of status.stages)
    console.log(`${stage.padEnd(16)}${(milliseconds / 1000).toFixed(1).padStart(7)} s`);
  console.log(`${'all'.padEnd(16)}${(total / 1000).toFixed(1).padStart(7)} s`);
  for (const program of ['etcd', 'calico-node', 'bird'] as const) {
    const sizes = status.processes.filter((one) => one.program === program).map((one) => one.memoryMiB);
    const sum = sizes.reduce((a, b) => a + b, 0);
    console.log(
      `${program.padEnd(16)}${String(sizes.length).padStart(4)} processes, ${(sum / sizes.length).toFixed(1)} MiB each`,
    );
  }
  for (const [area, { expected, held }] of Object.entries(report.areas))
    console.log(`${area.padEnd(16)}${held} of ${expected}`);
  console.log(`check           ${(report.milliseconds / 1000).toFixed(1).padStart(7)} s`);
  if (report.differences.length > 0) throw new Error(`${report.differences.length} differences`);
} finally {
  execFileSync(executable, ['lab', 'down', '--name', 'bench'], { env });
  rmSync(folder, { recursive: true, force: true });
}
