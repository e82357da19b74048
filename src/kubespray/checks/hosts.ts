/** Checks of hosts and groups. */
import { tryParseAddress } from '../../ip/index.ts';
import type { Finding } from '../cluster-plan.ts';
import { type Check, finding, listHosts } from './check.ts';

/** Addresses and names of hosts. */
export const hosts: Check = ({ view, plan }) => {
  const findings: Finding[] = [];
  const byAddress = new Map<string, string[]>();
  for (const host of plan.hosts)
    byAddress.set(host.address, [...(byAddress.get(host.address) ?? []), host.name]);
  for (const [address, names] of byAddress)
    if (names.length > 1)
      findings.push(
        finding('error', 'address-twice', `${names.join(' and ')} have the same address ${address}`, {
          cure: 'Give every host its own ip.',
          hosts: names,
          at: [view, view.loaded.inventory.hosts.get(names[1] ?? ''), 'ip'],
        }),
      );
  for (const host of plan.hosts)
    if (!tryParseAddress(host.address))
      findings.push(
        finding('error', 'address', `ip '${host.address}' of ${host.name} is not an address`, {
          cure: 'Write an address without prefix.',
          hosts: [host.name],
          at: [view, view.loaded.inventory.hosts.get(host.name), 'ip'],
        }),
      );
  const guessed = plan.hosts.filter((host) => host.addressFrom === 'ansible_host');
  if (guessed.length > 0)
    findings.push(
      finding(
        'warning',
        'ip-missing',
        `${listHosts(guessed.map((one) => one.name))}: no ip, the address ansible_host is used`,
        { cure: 'Set ip to the address that the network uses.', hosts: guessed.map((one) => one.name) },
      ),
    );
  const unknown = plan.hosts.filter((host) => host.addressFrom === 'fallback');
  if (unknown.length > 0)
    findings.push(
      finding(
        unknown.length > 1 ? 'error' : 'warning',
        'ip-missing',
        `${listHosts(unknown.map((one) => one.name))}: no ip and no address in ansible_host; Kubespray would ask the host`,
        { cure: 'Set ip.', hosts: unknown.map((one) => one.name) },
      ),
    );
  const renamed = view.cluster().filter((host) => {
    const name = view.text(host, 'kube_override_hostname');
    return name !== undefined && name !== '' && name !== host.name;
  });
  for (const host of renamed)
    findings.push(
      finding(
        'error',
        'node-name',
        `node name ${view.text(host, 'kube_override_hostname')} differs from the inventory name ${host.name}: peers and AS numbers would go to a phantom node`,
        {
          cure: `Rename the host in the inventory, or remove kube_override_hostname.`,
          hosts: [host],
          at: [view, host, 'kube_override_hostname'],
        },
      ),
    );
  const both = view.loaded.inventory
    .hostsOf('all')
    .filter((host) => view.isSet(host, 'ansible_host') && view.isSet(host, 'ansible_ssh_host'));
  if (both.length > 0)
    findings.push(
      finding(
        'warning',
        'ssh-host-twice',
        `${listHosts(both)}: both ansible_host and ansible_ssh_host are set; ansible_host is used`,
        { hosts: both },
      ),
    );
  const bastion = view.loaded.inventory.hosts.get('bastion');
  if (bastion && view.cluster().includes(bastion))
    findings.push(
      finding('error', 'bastion', 'the jump host bastion is a member of the cluster', {
        cure: 'Take it out of every other group.',
        hosts: [bastion],
      }),
    );
  return findings;
};

/** Names of groups of both generations. */
export const groups: Check = ({ view, plan }) => {
  const findings: Finding[] = [];
  const names = view.loaded.inventory.groups;
  for (const [modern, old] of [
    ['kube_control_plane', 'kube-master'],
    ['kube_node', 'kube-node'],
    ['k8s_cluster', 'k8s-cluster'],
    ['calico_rr', 'calico-rr'],
  ] as const) {
    const derived = view.since('2.16');
    if (names.has(old) && derived)
      findings.push(
        finding(
          'warning',
          'old-group-name',
          `the group ${old} is called ${modern} from release 2.16 on; its hosts are put into ${modern} here${view.since('2.27') ? ' (this release itself would find no host and end with status 0)' : ''}`,
          { cure: `Rename the group and its group_vars to ${modern}.` },
        ),
      );
    if (names.has(modern) && !derived)
      findings.push(
        finding('warning', 'new-group-name', `the group ${modern} means nothing to ${view.release.name}`, {
          cure: `Rename it to ${old}, or give --kubespray-release v2.16.0 or later.`,
        }),
      );
  }
  if (names.has('kube_master'))
    findings.push(
      finding('warning', 'group-name', 'no release of Kubespray knows the group kube_master', {
        cure: 'Name it kube-master (up to 2.15) or kube_control_plane.',
      }),
    );
  const runs = new Set(plan.hosts.filter((host) => host.runsNode).map((host) => host.name));
  const outside = [...view.group('controlPlane'), ...view.group('node')].filter(
    (host) => !runs.has(host.name),
  );
  if (outside.length > 0)
    findings.push(
      finding(
        'error',
        'not-in-cluster',
        `${listHosts([...new Set(outside)])}: not in the group ${view.groupName('cluster')}, so no calico-node runs there`,
        { cure: `Add the group to [${view.groupName('cluster')}:children].`, hosts: [...new Set(outside)] },
      ),
    );
  if (plan.releaseFrom === 'guessed')
    findings.push(
      finding(
        'note',
        'release-guessed',
        `rules and defaults of Kubespray ${plan.release} are used, guessed from the names of the groups`,
        { cure: 'Give --kubespray-release to choose.' },
      ),
    );
  for (const warning of view.loaded.warnings)
    findings.push({
      severity: 'warning',
      code: 'inventory',
      message: warning.message,
      origin: `${warning.position.file}:${warning.position.line}`,
    });
  return findings;
};
