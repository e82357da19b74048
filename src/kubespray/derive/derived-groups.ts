/**
 * Groups that Kubespray adds while it runs: the new names for old groups (from 2.16), and `k8s_cluster` from its parts
 * (from 2.27). Their group_vars count. Old names are mapped first here, which 2.27 and later forget to do.
 */
import type { Host, Inventory } from '../inventory/index.ts';
import { isSince, type Release } from '../variables/index.ts';

const renamed = [
  ['kube_control_plane', 'kube-master'],
  ['kube_node', 'kube-node'],
  ['k8s_cluster', 'k8s-cluster'],
  ['calico_rr', 'calico-rr'],
] as const;

/** Adds the groups to the inventory. Must come before any variable is read. */
export function addDerivedGroups(inventory: Inventory, release: Release): void {
  const position = { file: 'Kubespray', line: 0, column: 0 };
  const add = (name: string, hosts: readonly Host[]) => {
    const members = new Set(inventory.hostsOf(name));
    for (const host of hosts) if (!members.has(host)) inventory.addHost(host.name, name, undefined, position);
  };
  if (isSince(release, '2.16'))
    for (const [modern, old] of renamed) if (inventory.groups.has(old)) add(modern, inventory.hostsOf(old));
  if (isSince(release, '2.27')) {
    const parts = new Set(
      ['kube_node', 'kube_control_plane', 'calico_rr'].flatMap((name) => inventory.hostsOf(name)),
    );
    if (parts.size > 0)
      add(
        'k8s_cluster',
        inventory.hostsOf('all').filter((host) => parts.has(host)),
      );
  }
  inventory.reconcile();
}
