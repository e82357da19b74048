/** Plans and proves generated inventories: `bun bench/plan.ts [HOSTS …]` (default 250 500 1000). */
import { memoryFiles, planCluster, planState, provePlan } from '../src/kubespray/index.ts';

/** An inventory of `count` hosts with two reflectors, or a full mesh. */
function inventory(count: number, reflectors: boolean): Record<string, string> {
  const hosts = Array.from(
    { length: count },
    (_, at) => `n${at} ip=10.${Math.floor(at / 250)}.${at % 250}.1`,
  );
  const names = hosts.map((line) => line.split(' ')[0]!);
  return {
    'hosts.ini': `[all]
${hosts.join('\n')}
rr0 ip=10.250.0.1
rr1 ip=10.250.0.2

[kube-master]
${names.slice(0, 3).join('\n')}

[etcd]
${names.slice(0, 3).join('\n')}

[kube-node]
${names.join('\n')}

[calico-rr]
${reflectors ? 'rr0\nrr1' : ''}

[k8s-cluster:children]
kube-master
kube-node
calico-rr

[all:vars]
cluster_id="1.0.0.1"
`,
    'group_vars/k8s-cluster/k8s-net-calico.yml':
      'calico_ipip_mode: Never\ncalico_pool_cidr: "{{ kube_pods_subnet | ipaddr(\'net\') }}"\nkube_pods_subnet: 10.244.0.0/14\ncalico_pool_blocksize: 26\n',
  };
}

const sizes = process.argv.slice(2).map(Number);
console.log('| hosts | layout | sessions | plan s | prove s | heap MB |\n|---|---|---|---|---|---|');
for (const count of sizes.length > 0 ? sizes : [250, 500, 1000]) {
  for (const reflectors of [true, false]) {
    const files = memoryFiles(inventory(count, reflectors));
    const start = performance.now();
    const { plan } = planCluster(['hosts.ini'], { files, env: {} });
    const planned = performance.now();
    provePlan(planState(plan));
    const proved = performance.now();
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
    const heap = Math.round(process.memoryUsage().heapUsed / 1e6);
    console.log(
      `| ${count} | ${reflectors ? '2 reflectors' : 'mesh'} | ${plan.sessions.length} | ${seconds(start, planned)} | ${seconds(planned, proved)} | ${heap} |`,
    );
  }
}
