/**
 * Recordings of the real Calico role of Kubespray on whole inventories: groups, variables, resources and their order,
 * rendered files, the agent's environment, errors.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import {
  type ClusterPlan,
  diskFiles,
  type FileTree,
  type Finding,
  type PlanResult,
  planCluster,
  toJson,
  variableNamed,
} from '../../src/kubespray/index.ts';
import type { Case, Corpus, Outcome } from './corpus.ts';

type Json = Readonly<Record<string, unknown>>;

interface Failure {
  readonly kind: string;
  readonly host?: string;
  readonly task?: string;
  readonly msg?: unknown;
  readonly stderr?: string;
  readonly items?: readonly { readonly msg?: string; readonly stderr?: string }[];
}

interface Command {
  readonly seq: number;
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdinParsed?: { readonly kind?: string; readonly metadata?: { readonly name?: string } };
}

interface Run {
  readonly rc: number;
  readonly errors: readonly Failure[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly vars: Readonly<Record<string, { readonly groupNames: readonly string[]; readonly vars: Json }>>;
  readonly commands: Readonly<Record<string, readonly Command[]>>;
  readonly etcd: Readonly<
    Record<
      string,
      {
        readonly kind: string;
        readonly metadata: { readonly name: string; readonly labels?: Json };
        readonly spec: Json;
      }
    >
  >;
  readonly files: Readonly<Record<string, { readonly parsed: Readonly<Record<string, unknown>> }>>;
}

interface CaseFile {
  readonly release: string;
  readonly inventory?: readonly string[];
  readonly extra_vars?: Json;
  readonly hash_behaviour?: 'replace' | 'merge';
  readonly runs?: readonly { readonly extra_vars?: Json }[];
}

const refused = 'Kubespray: what would fail half-way or not work is refused before anything is written';
const cloud = 'Kubespray: a cloud provider means IP in IP';
const kept = 'Kubespray: fields of other writers stay';
const dual = 'Kubespray: both service ranges are announced';
const oldNames = 'Kubespray: old group names are understood by every release';
const filters = 'Kubespray: BGPFilters may be made before the plan is applied';
const directories = 'Kubespray: bin_dir is made where it is missing';
const rerun = 'Kubespray: a second run reports instead of stopping';

function below(root: string): FileTree {
  const path = (one: string) => (one.startsWith('/') ? one : join(root, one));
  return {
    kind: (one) => diskFiles.kind(path(one)),
    read: (one) => diskFiles.read(path(one)),
    list: (one) => diskFiles.list(path(one)),
  };
}

function sorted(value: unknown): string {
  return (
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === 'object' && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
        : one,
    ) ?? 'absent'
  );
}

function run(folder: string): Outcome {
  const read = <T>(file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
  const setup = read<CaseFile>('case.json');
  const oracle = read<{ readonly runs?: readonly Run[]; readonly inventoryError?: string }>('oracle.json');
  const first = oracle.runs?.[0];
  let ours: PlanResult;
  try {
    ours = planCluster(setup.inventory ?? ['hosts.ini'], {
      files: below(join(folder, 'inventory')),
      env: {},
      kubesprayRelease: setup.release,
      ...(setup.extra_vars ? { extraVariables: [JSON.stringify(setup.extra_vars)] } : {}),
      ...(setup.hash_behaviour ? { hashBehaviour: setup.hash_behaviour } : {}),
    });
  } catch (error) {
    const diff = `ours: ${messageOf(error)}`;
    const failed = oracle.inventoryError !== undefined || first?.errors.some((one) => one.kind !== 'ignored');
    return failed ? { result: 'accepted', reason: refused, diff } : { result: 'differ', diff };
  }
  if (!first) return { result: 'differ', diff: 'no run was recorded' };
  return compare(setup, first, oracle.runs ?? [], ours);
}

function compare(setup: CaseFile, first: Run, runs: readonly Run[], ours: PlanResult): Outcome {
  const { plan, findings } = ours;
  const errors = findings.filter((one) => one.severity === 'error');
  const stops = first.errors.filter((one) => one.kind !== 'ignored');
  const failures = stops.filter((one) => !String(one.msg).startsWith('Destination directory'));
  const modern = setup.release === 'v2.31.0';
  const empty = modern && Object.keys(first.vars ?? {}).length === 0 && failures.length === 0;
  const accepted: string[] = [];
  const lines: string[] = [];
  const note = (reason: string, found: readonly string[]) => {
    if (found.length > 0) accepted.push(reason);
  };
  lines.push(...variableDifferences(first, ours));
  // Old names only: the reflectors' play runs alone and fails for want of everything that comes before it.
  if (
    modern &&
    errors.length === 0 &&
    failures.length > 0 &&
    findings.some((one) => one.code === 'old-group-name')
  )
    return { result: 'accepted', reason: oldNames, diff: String(failures[0]?.msg) };
  if (errors.length === 0 && failures.length > 0 && findings.some((one) => one.code === 'peer-filters'))
    return outcome(lines, [filters], errors);
  if (failures.length > 0 || errors.length > 0) {
    const verdict = errorDifferences(failures, errors);
    lines.push(...verdict.lines);
    if (verdict.accepted) accepted.push(refused);
    if (failures.length > 0) return outcome(lines, accepted, errors);
  }
  if (stops.length > failures.length) return outcome(lines, [directories], errors);
  if (empty)
    return {
      result: 'accepted',
      reason: oldNames,
      diff: 'Kubespray 2.31 finds no host and ends with status 0',
    };
  const isCloud = findings.some((one) => one.code === 'cloud-ipip' && one.severity === 'note');
  const resources = resourceDifferences(first, plan, modern);
  const byReason = (test: RegExp) => resources.filter((line) => test.test(line));
  note(kept, byReason(/ipv4Address/));
  note(dual, byReason(/serviceClusterIPs/));
  if (isCloud && setup.release === 'v2.31.0') note(cloud, byReason(/IPPool/));
  lines.push(
    ...resources.filter(
      (line) => !/ipv4Address|serviceClusterIPs/.test(line) && !(isCloud && modern && /IPPool/.test(line)),
    ),
  );
  lines.push(...orderDifferences(first, plan), ...fileDifferences(first, plan));
  if (runs.length > 1)
    note(
      rerun,
      runs
        .slice(1)
        .flatMap((one) =>
          one.errors.filter((error) => error.kind === 'failed').map((error) => String(error.msg)),
        ),
    );
  return outcome(lines, accepted, errors);
}

function outcome(lines: readonly string[], accepted: readonly string[], errors: readonly Finding[]): Outcome {
  if (lines.length > 0) return { result: 'differ', diff: lines.join('\n') };
  const [reason] = accepted;
  if (reason === undefined) return { result: 'agree' };
  return { result: 'accepted', reason, diff: errors.map((one) => one.message).join('\n') || reason };
}

/** Templated variables and groups, as the network play sees them. */
function variableDifferences(first: Run, { view }: PlanResult): string[] {
  const lines: string[] = [];
  for (const [name, { groupNames, vars }] of Object.entries(first.vars ?? {})) {
    const host = view.loaded.inventory.hosts.get(name);
    if (!host) {
      lines.push(`host ${name} is missing`);
      continue;
    }
    const mine = view.groupNamesOf(host).join(' ');
    if (mine !== groupNames.join(' '))
      lines.push(`groups of ${name}\n  recorded ${groupNames.join(' ')}\n  ours     ${mine}`);
    for (const [variable, value] of Object.entries(vars)) {
      const spec = variableNamed(variable);
      if (spec?.unused !== undefined) continue;
      const resolved = view.resolve(host, variable);
      const expected = sorted(value);
      const actual = resolved.kind === 'value' ? sorted(toJson(resolved.value)) : `(${resolved.message})`;
      if (expected !== actual && !(expected.includes('$error') && resolved.kind !== 'value'))
        lines.push(`${name}.${variable}\n  recorded ${expected}\n  ours     ${actual}`);
    }
  }
  for (const [group, members] of Object.entries(first.groups ?? {})) {
    const mine = view.loaded.inventory.hostsOf(group).map((host) => host.name);
    if (mine.join(' ') !== members.join(' '))
      lines.push(`group ${group}\n  recorded ${members.join(' ')}\n  ours     ${mine.join(' ')}`);
  }
  return lines;
}

/** What Kubespray stopped with must be an error here, in the same words where they are its own assertions. */
function errorDifferences(
  failures: readonly Failure[],
  errors: readonly Finding[],
): { lines: string[]; accepted: boolean } {
  if (failures.length === 0) return { lines: [], accepted: true };
  if (errors.length === 0)
    return {
      lines: failures.slice(0, 3).map((one) => `Kubespray stops: ${one.task}: ${String(one.msg)}`),
      accepted: false,
    };
  const texts = failures.flatMap((one) => [
    String(one.msg),
    one.stderr ?? '',
    ...(one.items ?? []).flatMap((item) => [item.msg ?? '', item.stderr ?? '']),
  ]);
  const same = errors.some(
    (one) => one.kubespray && texts.some((text) => text.includes(one.message) || one.message.includes(text)),
  );
  return { lines: [], accepted: !same };
}

/** What calicoctl adds by itself when it writes an object. */
const clientDefaults: Readonly<Record<string, readonly string[]>> = {
  IPPool: ['nodeSelector', 'allowedUses', 'assignmentMode'],
  BGPConfiguration: ['serviceLoadBalancerAggregation'],
  FelixConfiguration: ['bpfConnectTimeLoadBalancing', 'bpfHostNetworkedNATWithoutCTLB', 'nftablesMode'],
  BGPPeer: [],
  Node: ['orchRefs'],
};

function resourceDifferences(first: Run, plan: ClusterPlan, modern: boolean): string[] {
  const lines: string[] = [];
  const ours = new Map<string, { spec: Record<string, unknown>; labels: Record<string, unknown> }>();
  for (const { resource } of plan.resources) {
    const key = `${resource.kind} ${resource.metadata.name}`;
    const one = ours.get(key) ?? { spec: {}, labels: {} };
    for (const [name, value] of Object.entries(resource.spec))
      one.spec[name] =
        name === 'bgp' ? { ...(one.spec['bgp'] as object | undefined), ...(value as object) } : value;
    Object.assign(one.labels, resource.metadata.labels);
    ours.set(key, one);
  }
  const expected = new Map(Object.values(first.etcd).map((one) => [`${one.kind} ${one.metadata.name}`, one]));
  const kinds = ['IPPool', 'BGPConfiguration', 'BGPPeer', 'Node', ...(modern ? ['FelixConfiguration'] : [])];
  for (const [key, one] of expected) {
    if (!kinds.includes(one.kind)) continue;
    const mine = ours.get(key) ?? (one.kind === 'Node' ? { spec: {}, labels: {} } : undefined);
    if (!mine) {
      lines.push(`${key} is missing`);
      continue;
    }
    const spec = { ...mine.spec };
    const recorded = { ...one.spec };
    if (one.kind === 'Node') {
      // The addresses are the recorder's stand-in for the agent; what matters is whether they survive.
      const { ipv4Address, ipv6Address, ...bgp } = (recorded['bgp'] ?? {}) as Json;
      if (ipv4Address === undefined && ipv6Address === undefined) lines.push(`${key} ipv4Address is lost`);
      recorded['bgp'] = bgp;
      spec['bgp'] ??= {};
    }
    if (spec['natOutgoing'] === false) delete spec['natOutgoing'];
    const client = clientDefaults[one.kind] ?? [];
    if (one.kind === 'BGPPeer' && recorded['peerIP'] === '')
      for (const name of ['peerIP', 'asNumber']) delete recorded[name];
    for (const name of new Set([...Object.keys(spec), ...Object.keys(recorded)])) {
      if (client.includes(name)) continue;
      const [a, b] = [recorded[name], spec[name]].map((value) => sorted(value === '' ? undefined : value));
      if (a !== b) lines.push(`${key} ${name}\n  recorded ${a}\n  ours     ${b}`);
    }
    const [a, b] = [sorted(one.metadata.labels ?? {}), sorted(mine.labels)];
    if (a !== b) lines.push(`${key} labels\n  recorded ${a}\n  ours     ${b}`);
  }
  for (const key of ours.keys())
    if (!expected.has(key) && kinds.includes(key.split(' ')[0] ?? '')) lines.push(`${key} is not recorded`);
  return lines;
}

/** The order in which objects were first written. */
function orderDifferences(first: Run, plan: ClusterPlan): string[] {
  const commands = Object.values(first.commands)
    .flat()
    .sort((a, b) => a.seq - b.seq);
  const recorded = new Set<string>();
  for (const { rc, argv, stdinParsed } of commands) {
    if (rc !== 0 || argv.includes('get') || argv.includes('label') || !stdinParsed?.kind) continue;
    recorded.add(`${stdinParsed.kind} ${stdinParsed.metadata?.name}`);
  }
  const mine = new Set(
    plan.resources
      .filter(({ how, resource }) => how !== 'label' && resource.kind !== 'IPAMConfig')
      .map(({ resource }) => `${resource.kind} ${resource.metadata.name}`),
  );
  const [a, b] = [[...recorded].join(', '), [...mine].join(', ')];
  return a === b ? [] : [`order of writes\n  recorded ${a}\n  ours     ${b}`];
}

function fileDifferences(first: Run, plan: ClusterPlan): string[] {
  const lines: string[] = [];
  const check = (what: string, recorded: unknown, mine: unknown) => {
    if (sorted(recorded) !== sorted(mine))
      lines.push(`${what}\n  recorded ${sorted(recorded)}\n  ours     ${sorted(mine)}`);
  };
  for (const [name, { parsed }] of Object.entries(first.files)) {
    const host = plan.hosts.find((one) => one.name === name);
    if (!host) continue;
    const content = (ending: string) =>
      host.files.flatMap((file) => (file.kind === 'content' && file.path.endsWith(ending) ? [file] : []))[0];
    const config = parsed['/etc/kubernetes/calico-config.yml'] as
      | Readonly<Record<string, unknown>>
      | undefined;
    const conflist = parsed['/etc/cni/net.d/calico.conflist.template'] ?? config?.['cni_network_config'];
    if (conflist !== undefined) {
      const installed = JSON.stringify(conflist)
        .replaceAll('__KUBECONFIG_FILEPATH__', '/etc/cni/net.d/calico-kubeconfig')
        .replaceAll('__KUBERNETES_NODE_NAME__', host.nodeName);
      check(`${name} conflist`, JSON.parse(installed), JSON.parse(content('.conflist')?.content ?? 'null'));
    }
    const script = Object.entries(parsed).find(([path]) => path.endsWith('/calicoctl.sh'));
    if (script) {
      const [path, facts] = script as [string, { env: Json; exec: string }];
      const file = content('/calicoctl.sh');
      check(`${name} path`, path, file?.path);
      const env = Object.fromEntries(
        [...(file?.content ?? '').matchAll(/^export (\w+)='?([^'\n]*)'?$/gm)].map(([, key, value]) => [
          key,
          value,
        ]),
      );
      check(`${name} calicoctl.sh`, facts, { env, exec: /^exec (.*)$/m.exec(file?.content ?? '')?.[1] });
    }
    const daemon = (
      parsed['/etc/kubernetes/calico-node.yml'] as
        | readonly { containers?: readonly { env?: readonly { name: string; value: unknown }[] }[] }[]
        | undefined
    )?.[0];
    const recorded = daemon?.containers?.[0]?.env?.map(({ name: key, value }) => {
      const reference = value as { fieldRef?: string; configMapKey?: string } | string | null;
      if (typeof reference === 'object' && reference?.configMapKey !== undefined)
        return `${key}=${String(config?.[reference.configMapKey])}`;
      return typeof reference === 'object' && reference?.fieldRef !== undefined
        ? `${key}@${reference.fieldRef}`
        : `${key}=${String(value)}`;
    });
    if (recorded && name === plan.controlPlaneFirst)
      check(
        `${name} environment`,
        recorded,
        plan.daemonEnvironment.map((one) =>
          'fieldRef' in one ? `${one.name}@${one.fieldRef}` : `${one.name}=${one.value}`,
        ),
      );
  }
  return lines;
}

/** data/golden/kubespray. */
export const kubespray: Corpus = {
  name: 'kubespray',
  cases: (folder): Case[] =>
    readdirSync(folder)
      .filter((name) => existsSync(join(folder, name, 'oracle.json')))
      .map((name) => ({ name, run: () => run(join(folder, name)) })),
};
