/** `calico bgp what-if`. */
import type { Datastore } from '../../datastore/port.ts';
import { CalicoError } from '../../errors.ts';
import { loadCluster } from '../load-cluster.ts';
import type { BgpCluster } from '../model/cluster.ts';
import { modelOfCluster } from '../proof/from-state.ts';
import type { Loss, Reachability, ReachabilityModel } from '../proof/model.ts';
import { proveFailures } from '../proof/prove.ts';
import { whatIf, without } from '../proof/what-if.ts';

/** The changes to try, as written on the command line. */
export interface WhatIfOptions {
  readonly json: boolean;
  readonly remove: readonly string[];
  readonly removeLinks: readonly string[];
  readonly addHosts: readonly string[];
  readonly clusterIds: readonly string[];
  readonly singleFailures: boolean;
}

/** Prints what the changes would cost; 0 when nothing is lost. */
export async function bgpWhatIf(store: Datastore, options: WhatIfOptions): Promise<number> {
  const cluster = await loadCluster(store);
  const before = modelOfCluster(cluster).model;
  for (const text of options.addHosts) addHost(cluster, text);
  for (const text of options.clusterIds) setClusterId(cluster, text);
  let { model: after } = modelOfCluster(cluster);
  for (const name of options.remove) {
    known(after, name);
    after = without(after, { kind: 'speaker', name });
  }
  for (const text of options.removeLinks) {
    const [a, b] = pair(text, '--remove-link');
    known(after, a);
    known(after, b);
    after = without(after, { kind: 'session', a, b });
  }
  const result = whatIf(before, after);
  const failures = options.singleFailures ? proveFailures(after) : [];
  const fatal = failures.filter(({ losses }) => losses.length > 0);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...result, failures }, null, 2)}\n`);
  else {
    process.stdout.write(
      [
        `Sessions: ${result.sessionsBefore} now, ${result.sessionsAfter} then.\n`,
        ...(result.before.length > 0
          ? [`Already now ${count(result.before)} lack routes:\n${losses(result.before)}`]
          : []),
        result.lost.length === 0
          ? 'Nothing is lost: every host still learns every block.\n'
          : `${count(result.lost)} would lose routes:\n${losses(result.lost)}`,
        ...(result.gained.length > 0 ? [`${result.gained.length} hosts would learn more than now.\n`] : []),
        ...(options.singleFailures ? [failureText(failures, fatal)] : []),
      ].join(''),
    );
  }
  return result.lost.length === 0 && fatal.length === 0 ? 0 : 1;
}

function failureText(all: readonly Reachability[], fatal: readonly Reachability[]): string {
  if (fatal.length === 0)
    return `Any single speaker may fail (${all.length} kinds tried): the others keep every route.\n`;
  return fatal
    .map(({ failure, losses: lost }) => {
      const name = failure?.kind === 'speaker' ? failure.name : '';
      return `When ${name} fails, ${count(lost)} lose routes:\n${losses(lost)}`;
    })
    .join('');
}

function count(all: readonly Loss[]): string {
  return all.length === 1 ? '1 host' : `${all.length} hosts`;
}

function losses(all: readonly Loss[]): string {
  const lines = all.slice(0, 20).map(({ receiver, missing, examples }) => {
    const more = missing > examples.length ? `, … (${missing})` : '';
    return `  ${receiver}: no routes to ${examples.join(', ')}${more}\n`;
  });
  if (all.length > 20) lines.push(`  … and ${all.length - 20} more\n`);
  return lines.join('');
}

function addHost(cluster: BgpCluster, text: string): void {
  const [name, address, ...labels] = text.split(',');
  if (!name || !address || cluster.nodes.has(name))
    throw new CalicoError('USAGE', `--add-host=${text}: expected the name of a new host and its address`);
  const family = address.includes(':') ? 'ipv6Address' : 'ipv4Address';
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'Node',
    metadata: {
      name,
      labels: Object.fromEntries(labels.map((label) => label.split('=', 2) as [string, string])),
    },
    spec: { bgp: { [family]: address } },
  };
  cluster.apply({ type: 'put', kv: { key: { type: 'resource', kind: 'Node', name }, value, revision: '0' } });
  // A new host has no block yet; the first pod brings one.
  cluster.apply({
    type: 'put',
    kv: { key: { type: 'affinity', host: name, cidr: '0.0.0.0/0' }, value: {}, revision: '0' },
  });
}

function setClusterId(cluster: BgpCluster, text: string): void {
  const [name, id] = pair(text, '--cluster-id');
  const node = cluster.nodes.get(name);
  if (!node) throw unknown(name);
  cluster.nodes.set(name, { ...node, clusterId: id });
}

function pair(text: string, option: string): readonly [string, string] {
  const [a, b, ...rest] = text.split(',');
  if (!a || !b || rest.length > 0)
    throw new CalicoError('USAGE', `${option}=${text}: expected two names with a comma`);
  return [a, b];
}

function known(model: ReachabilityModel, name: string): void {
  if (!model.speakers.some((one) => one.name === name)) throw unknown(name);
}

function unknown(name: string): CalicoError {
  return new CalicoError('USAGE', `there is no host or router ${name}`, {
    cure: 'calico bgp status lists them; routers are named by their address.',
  });
}
