/** What a plan needs of this machine, compared with what it has, before anything is made. Pure. */
import type { ClusterPlan } from '../kubespray/index.ts';
import type { Fact, KernelFacts } from '../linux/index.ts';
import { routerPackages } from './holder/border-router.ts';
import type { RouterSoftware } from './protocol.ts';

/** Something that is missing. */
export interface Obstacle {
  readonly message: string;
  readonly cure: string;
}

/** Everything that stands in the way; nothing when the lab can run. `programs` are those that were found. */
export function obstacles(
  plan: ClusterPlan,
  facts: KernelFacts,
  programs: ReadonlySet<string>,
  routers: RouterSoftware = 'frr',
): readonly Obstacle[] {
  const found: Obstacle[] = [];
  const need = (fact: Fact, message: string, cure: string) => {
    if (!fact.ok) found.push({ message: `${message} (${fact.reason})`, cure });
  };
  need(facts.veth, `the kernel ${facts.release} has no veth interfaces`, 'Load the module: modprobe veth');
  need(facts.bridge, `the kernel ${facts.release} has no bridges`, 'Load the module: modprobe bridge');
  // The agent's NFTablesMode Auto takes iptables where this kernel's nftables cannot hold its tables.
  if (!facts.iptablesLegacy.ok || !facts.ipset.ok) {
    need(
      facts.nft,
      `the kernel ${facts.release} has neither nftables with fib and conntrack expressions nor iptables with ipset`,
      'Load the modules nf_tables, nft_fib_ipv4 and nft_ct, or iptable_filter and ip_set, or use a distribution kernel.',
    );
  }
  const { kind, mode } = plan.encapsulation;
  if (kind === 'ipip') {
    need(
      facts.ipip,
      `calico_ipip_mode is ${mode}, and the kernel ${facts.release} has no IPIP tunnels`,
      'Load the module ipip, or set calico_ipip_mode: Never (plain routes), or calico_ipip_mode: Never with calico_vxlan_mode: Always.',
    );
  }
  if (kind === 'vxlan') {
    need(
      facts.vxlan,
      `calico_vxlan_mode is ${mode}, and the kernel ${facts.release} has no VXLAN`,
      'Load the module vxlan, or set calico_vxlan_mode: Never (plain routes).',
    );
  }
  if (plan.datastore === 'kdd') {
    found.push({
      message: 'calico_datastore is kdd, and a lab has no Kubernetes API to keep resources in',
      cure: 'Set calico_datastore: etcd for the lab.',
    });
  }
  const wanted: Readonly<Record<string, string>> = {
    etcd: 'etcd-server',
    ...(plan.bgpRunning ? { bird: 'bird2' } : {}),
    ...(plan.routers.length > 0 ? routerPackages[routers] : {}),
    nsenter: 'util-linux',
    unshare: 'util-linux',
    mount: 'mount',
  };
  for (const [program, debianPackage] of Object.entries(wanted)) {
    if (programs.has(program)) continue;
    found.push({
      message: `the program ${program} is not installed`,
      cure: `Install the Debian package ${debianPackage}: apt-get install ${debianPackage}${debianPackage === 'frr' ? ', or let border routers run BIRD: --border-routers bird' : ''}`,
    });
  }
  return found;
}
