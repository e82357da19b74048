/** Checks of hosts, groups and variables as such. */
import { tryParseAddress } from '../../ip/index.ts';
import type { Finding } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import { equal, text, type Value } from '../values/value.ts';
import { isRead, variableNamed, variableTable } from '../variables/index.ts';
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

const booleanWords = /^(?:true|false|yes|no|on|off)$/i;

/** Values that cannot be had or are not what they seem. */
export const values: Check = ({ view }) => {
  const found = new Map<string, { finding: Finding; hosts: string[] }>();
  const report = (host: Host, one: Finding) => {
    const key = `${one.code} ${one.message} ${one.origin ?? ''}`;
    const known = found.get(key);
    if (known) known.hosts.push(host.name);
    else found.set(key, { finding: one, hosts: [host.name] });
  };
  for (const host of view.cluster()) {
    const variables = view.loaded.variables(host);
    for (const name of variables.keys()) {
      const spec = variableNamed(name);
      if (!spec) {
        const meant = misspelt(name);
        if (meant !== undefined)
          report(
            host,
            finding(
              'warning',
              'unknown-variable',
              `${name} is read by nobody${meant === '' ? '' : `; ${meant} is meant?`}`,
              { at: [view, host, name] },
            ),
          );
        continue;
      }
      if (!isRead(spec, view.release)) {
        if (spec.message === undefined)
          report(
            host,
            finding(
              'warning',
              'not-in-release',
              `${name} is not read by ${view.release.name} (${spec.since === undefined ? `up to ${spec.until}` : `from ${spec.since} on`})`,
              { at: [view, host, name] },
            ),
          );
        continue;
      }
      // What only a deployment reads is not evaluated here.
      if (spec.unused !== undefined) continue;
      const resolved = view.resolve(host, name);
      if (resolved.kind === 'error') {
        const cure =
          resolved.reason === 'vault'
            ? `Decrypt it (ansible-vault view) or pass it with -e ${name}=….`
            : resolved.reason === 'unsupported'
              ? `Write the value itself, or pass it with -e ${name}=….`
              : 'Correct the expression.';
        const what = resolved.reason === 'unsupported' ? 'unsupported expression: ' : '';
        report(
          host,
          finding('error', 'value', `${name}: ${what}${resolved.message}`, { cure, at: [view, host, name] }),
        );
        continue;
      }
      if (resolved.kind === 'value') checkValue(host, name, resolved.value);
    }
  }
  function checkValue(host: Host, name: string, value: Value): void {
    const spec = variableNamed(name);
    if (value !== null && typeof value === 'object' && 'cipherText' in value)
      report(
        host,
        finding('error', 'vault', `variable '${name}' is vault-encrypted`, {
          cure: `Decrypt it (ansible-vault view) or pass it with -e ${name}=….`,
          at: [view, host, name],
        }),
      );
    else if (
      spec?.type === 'boolean' &&
      typeof value === 'string' &&
      booleanWords.test(value) &&
      view.isSet(host, name)
    )
      report(
        host,
        finding(
          /^(?:false|no|off)$/i.test(value) ? 'error' : 'warning',
          'boolean-text',
          `${name}=${value} is the text '${value}', not a boolean: as a condition it counts as true`,
          {
            cure: `In INI write ${name}=${/^(?:false|no|off)$/i.test(value) ? 'False' : 'True'} with a capital letter; in YAML leave out the quotation marks.`,
            at: [view, host, name],
          },
        ),
      );
    else if (spec?.allowed && !spec.message && typeof value === 'string' && !spec.allowed.includes(value))
      report(
        host,
        finding('error', 'value', `${name} is '${value}'`, {
          cure: `Write one of ${spec.allowed.join(', ')}.`,
          at: [view, host, name],
        }),
      );
  }
  return [...found.values()].map(({ finding: one, hosts: names }) => ({ ...one, hosts: names }));
};

/** Cluster-wide variables that some host sets differently, without effect. */
export const overrides: Check = ({ view }) => {
  const findings: Finding[] = [];
  const first = view.first();
  if (!first) return findings;
  const anywhere = new Set(view.cluster().flatMap((host) => [...view.loaded.variables(host).keys()]));
  for (const spec of variableTable) {
    if (!anywhere.has(spec.name)) continue;
    const hostWide = spec.scope === 'cluster' || spec.name === 'calico_mtu';
    if (!hostWide || !isRead(spec, view.release)) continue;
    const own = view.value(first, spec.name);
    const different = view.cluster().filter((host) => {
      const value = view.value(host, spec.name);
      return (
        (view.isSet(host, spec.name) || view.isSet(first, spec.name)) &&
        !(own === undefined || value === undefined ? own === value : equal(own, value))
      );
    });
    if (different.length === 0) continue;
    const example = different.find((host) => view.isSet(host, spec.name)) ?? different[0];
    const message =
      spec.name === 'calico_mtu'
        ? `calico_mtu differs on ${listHosts(different)}: it reaches the CNI configuration there but not the daemon's environment, which is rendered from ${first.name}`
        : `${spec.name} differs on ${listHosts(different)} from the one of ${first.name} and has no effect there: ${spec.effect} is made once, from ${first.name}`;
    findings.push(
      finding('warning', 'override-without-effect', message, {
        cure: `Set ${spec.name} for the whole cluster, in group_vars.`,
        hosts: different,
        at: [view, example, spec.name],
      }),
    );
  }
  return findings;
};

/** [all:vars] in the inventory file that loses against group_vars. */
export const shadowed: Check = ({ view }) => {
  const findings: Finding[] = [];
  const first = view.first();
  if (!first) return findings;
  const layers = view.loaded.layers(first);
  for (const layer of layers) {
    if (!layer.name.startsWith('inventory group')) continue;
    for (const [name, { value }] of layer.variables) {
      const winner = view.loaded.variables(first).get(name);
      const winning = layers.findLast((one) => one.variables.has(name));
      if (!variableNamed(name) || !winner || !winning || winning === layer || equal(winner.value, value))
        continue;
      if (!winning.name.startsWith('group_vars/')) continue;
      findings.push(
        finding(
          'warning',
          'shadowed',
          `${name} in [${layer.name.replace('inventory group ', '')}:vars] (${text(value)}) loses against ${winner.position.file} (${text(winner.value)}): files win over the inventory file`,
          { cure: 'Keep one of the two.', at: [view, first, name] },
        ),
      );
    }
  }
  return findings;
};

/** The variable that an unknown name of ours probably means; '' if none is near; undefined if it is not ours. */
function misspelt(name: string): string | undefined {
  const known: Readonly<Record<string, string>> = {
    calico_backend: 'calico_datastore',
    calico_ipip: 'calico_ipip_mode',
    calcio_ipam_autoallocateblocks: 'calico_ipam_autoallocateblocks',
  };
  if (Object.hasOwn(known, name)) return known[name];
  if (!/^(?:calico|calcio|claico|typha)_|^(?:peer_with|global_as|local_as|cluster_id)/.test(name))
    return undefined;
  const near = variableTable.filter((one) => distance(one.name, name) <= 2).map((one) => one.name);
  return near[0] ?? '';
}

/** Levenshtein distance, as far as it matters here. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 3;
}
