/**
 * A lab of many hosts, first as a mesh and then with two reflectors: time until sessions and routes are there, and memory.
 *   bun bench/lab-scale.ts [HOSTS…]     50 unless given; needs dist/calico (npm run build)
 * A mesh of more than 32 hosts needs a larger net.ipv4.neigh.default.gc_thresh3 than 1024.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabStatus } from '../src/lab/index.ts';

const executable = process.env['CALICO_LAB_EXECUTABLE'] ?? join(import.meta.dirname, '..', 'dist', 'calico');

/** An inventory of so many hosts; with reflectors the first two are those. */
function inventory(hosts: number, reflectors: boolean): string {
  const all = Array.from({ length: hosts }, (_, i) => `host${i}`);
  const nodes = all.slice(reflectors ? 2 : 0);
  return `[all]
${all.map((name, i) => `${name} ip=10.210.1.${1 + i}`).join('\n')}

[kube-master]
${nodes[0]}

[etcd]
${nodes[0]}

[kube-node]
${nodes.join('\n')}

[calico-rr]
${reflectors ? all.slice(0, 2).join('\n') : ''}

[k8s-cluster:children]
kube-master
kube-node
calico-rr

[k8s-cluster:vars]
global_as_num=65400
calico_ipip_mode=Never
calico_pool_blocksize=26
cluster_id="1.0.0.1"
`;
}

function measure(hosts: number, reflectors: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'lab-scale-'));
  const env = { ...process.env, CALICO_LAB_DIR: join(folder, 'labs') };
  mkdirSync(env.CALICO_LAB_DIR);
  const file = join(folder, 'hosts.ini');
  writeFileSync(file, inventory(hosts, reflectors));
  const lab = (...args: readonly string[]) =>
    spawnSync(executable, ['lab', args[0]!, '--name', 'bgpscale', ...args.slice(1)], {
      env,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
  try {
    const up = lab('up', '-i', file, '-o', 'json');
    if (up.status !== 0) {
      const why = up.stderr.trimEnd().split('\n').slice(-2).join('\n  ');
      console.log(
        `${hosts} hosts, ${reflectors ? 'two reflectors' : 'mesh'}: the lab did not come up\n  ${why}`,
      );
      process.exitCode = 1;
      return;
    }
    const status = JSON.parse(up.stdout) as LabStatus;
    const stage = (name: string) => status.stages.find((one) => one.stage === name);
    const seconds = (name: string) => `${((stage(name)?.milliseconds ?? 0) / 1000).toFixed(1)} s`;
    const memory = (program: string) => {
      const sizes = status.processes.filter((one) => one.program === program).map((one) => one.memoryMiB);
      const sum = sizes.reduce((a, b) => a + b, 0);
      return `${program} ${sum} MiB (${(sum / sizes.length).toFixed(1)} each)`;
    };
    console.log(
      [
        `${hosts} hosts, ${reflectors ? 'two reflectors' : 'mesh'}: ${stage('BGP sessions')?.total} sessions`,
        `  all calico-nodes started   ${seconds('calico-node')}`,
        `  pods                       ${seconds('pods')}`,
        `  then all sessions up after ${seconds('BGP sessions')}`,
        `  then all pods reached in   ${seconds('reachability')}`,
        `  memory                     ${['etcd', 'calico-node', 'bird'].map(memory).join(', ')}`,
      ].join('\n'),
    );
  } finally {
    execFileSync(executable, ['lab', 'down', '--name', 'bgpscale'], { env, stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  }
}

const sizes = process.argv.slice(2).map(Number);
for (const hosts of sizes.length > 0 ? sizes : [50]) {
  measure(hosts, false);
  measure(hosts, true);
}
