/** Checks of variables as such: values that cannot be had, are not what they seem, or have no effect. */
import type { Finding } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import { equal, text, type Value } from '../values/value.ts';
import { isRead, variableNamed, variableTable } from '../variables/index.ts';
import { type Check, finding, listHosts } from './check.ts';

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
