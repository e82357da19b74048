/** `calico plan`: what network an inventory describes, whether it can work, and what a change would do. */
import { parseArgs } from 'node:util';
import { connect, type Datastore, loadConfig } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import type { Resource } from '../resources/index.ts';
import { checkHostFacts, type HostFacts } from './checks/host-facts.ts';
import { sortFindings } from './checks/index.ts';
import { expectedRoute } from './cluster-plan.ts';
import { diskFiles, readText } from './inventory/index.ts';
import { type Difference, diffNetworks, worstRisk } from './plan/diff.ts';
import { drawDot, drawSvg } from './plan/draw.ts';
import { printDifference, printFindings, printPlan, printProof } from './plan/print.ts';
import { prove, wayBetween, waysOf } from './plan/proof.ts';
import { type NetworkState, stateOfPlan, stateOfResources } from './plan/state.ts';
import { explainVariable } from './plan/why.ts';
import { type PlanOptions, type PlanResult, planCluster } from './plan-cluster.ts';
import { variablesPage } from './variables/document.ts';

const help = `usage: calico plan -i PATH [-i PATH …] [options]

Says what Calico network a Kubespray inventory describes. Nothing is executed and no host is touched.

  -i, --inventory PATH        inventory file or directory; several are read in order
  -e, --extra-vars VARS       name=value, JSON or @FILE, over everything else
      --kubespray-release V   rules and defaults of a release, v2.14.0 to v2.31.0 (default: guessed)
      --against OLD           what changes: OLD is another inventory, or "live" for the datastore of the
                              environment (ETCD_ENDPOINTS …)
      --why HOST.VARIABLE     where a value comes from
      --route FROM:TO         by which sessions FROM learns the routes to the pods of TO
      --variables             the reference of all variables
      --facts FILE            facts of the hosts for more checks: {"HOST": {"interfaces": [{"name",
                              "mtu", "addresses"}], "rpFilter", "iptables", "networkManager"}}
      --ignore-vault FILE     leave an encrypted file of variables out
  -o, --output FORMAT         text (default), json, dot or svg
      --all                   do not shorten lists

Exit codes: 0 nothing to say or no change, 2 there are changes (--against), 1 errors.

Examples:
  calico plan -i inventory/mycluster/hosts.ini
  calico plan -i hosts.ini -e global_as_num=65400 -o svg > topology.svg
  calico plan -i new/hosts.ini --against old/hosts.ini
  calico plan -i hosts.ini --why node3.peers
`;

/** Where the program reads and writes. */
export interface PlanIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The resources of the live datastore. */
  readonly live: () => Promise<readonly Resource[]>;
}

const processIo: PlanIo = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  live: () => liveResources(process.env),
};

/** The program. */
export async function planProgram(argv: readonly string[], io: PlanIo = processIo): Promise<number> {
  try {
    return await run(argv, io);
  } catch (error) {
    io.err(`calico plan: ${messageOf(error)}\n`);
    if (error instanceof CalicoError && error.cure !== undefined) io.err(`  ${error.cure}\n`);
    if (!(error instanceof CalicoError)) throw error;
    return 1;
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        inventory: { type: 'string', short: 'i', multiple: true, default: [] },
        'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] },
        'kubespray-release': { type: 'string' },
        against: { type: 'string' },
        why: { type: 'string' },
        route: { type: 'string' },
        facts: { type: 'string' },
        variables: { type: 'boolean', default: false },
        'ignore-vault': { type: 'string', multiple: true, default: [] },
        output: { type: 'string', short: 'o', default: 'text' },
        all: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new CalicoError('USAGE', messageOf(error), { cure: 'calico plan --help shows the options.' });
  }
}

async function run(argv: readonly string[], io: PlanIo): Promise<number> {
  const options = parse(argv);
  if (options.help) {
    io.out(help);
    return 0;
  }
  if (options.variables) {
    io.out(variablesPage());
    return 0;
  }
  if (!['text', 'json', 'dot', 'svg'].includes(options.output))
    throw new CalicoError('USAGE', `-o ${options.output} is not known`, {
      cure: 'Use text, json, dot or svg.',
    });
  const planOptions: PlanOptions = {
    files: diskFiles,
    env: io.env,
    extraVariables: options['extra-vars'],
    ignoredVaults: options['ignore-vault'],
    ...(options['kubespray-release'] === undefined ? {} : { kubesprayRelease: options['kubespray-release'] }),
  };
  const result = withFacts(planCluster(options.inventory, planOptions), options.facts);
  if (options.why !== undefined) {
    io.out(explainVariable(result.view, options.why));
    return 0;
  }
  if (options.route !== undefined) return route(options.route, result, io);
  if (options.output === 'dot') io.out(drawDot(result.plan));
  else if (options.output === 'svg') io.out(drawSvg(result.plan));
  else if (options.against !== undefined)
    return compare(options.against, result, planOptions, options.output, io);
  else show(result, options.output, options.all, io);
  return result.findings.some((one) => one.severity === 'error') ? 1 : 0;
}

/** The findings that facts of the hosts add. */
function withFacts(result: PlanResult, file: string | undefined): PlanResult {
  if (file === undefined) return result;
  let facts: Readonly<Record<string, HostFacts>>;
  try {
    facts = JSON.parse(readText(diskFiles, file)) as typeof facts;
  } catch (error) {
    if (error instanceof CalicoError) throw error;
    throw new CalicoError('INPUT', `${file}: ${messageOf(error)}`, { cure: 'Give JSON as --help shows it.' });
  }
  const more = checkHostFacts(result.plan, new Map(Object.entries(facts)));
  return { ...result, findings: sortFindings([...result.findings, ...more]) };
}

function route(question: string, { plan }: PlanResult, io: PlanIo): number {
  const [from = '', to = ''] = question.split(':');
  const [a, b] = [from, to].map((name) => plan.hosts.find((host) => host.name === name));
  if (!a || !b)
    throw new CalicoError('USAGE', `--route ${question}: no such hosts`, {
      cure: 'Write two hosts of the inventory as FROM:TO.',
    });
  const expected = expectedRoute(plan, a, b);
  const way = plan.bgpRunning ? wayBetween(stateOfPlan(plan), from, to) : undefined;
  if (plan.bgpRunning && !way) {
    io.out(`${from} does not learn the pods of ${to}\n`);
    return 1;
  }
  if (way) io.out(`${to} announces its pods: ${way.join(' → ')}\n`);
  io.out(
    expected
      ? `route on ${from}: via ${expected.nextHop}, ${expected.device}, written by ${expected.by}\n`
      : 'no route is expected\n',
  );
  return 0;
}

function show(result: PlanResult, output: string, all: boolean, io: PlanIo): void {
  const { plan, findings } = result;
  const state = stateOfPlan(plan);
  const proof = prove(state);
  const ways = waysOf(state);
  if (output === 'json') {
    io.out(`${JSON.stringify({ plan, findings, proof: proof ?? null, ways: ways ?? null }, null, 2)}\n`);
    return;
  }
  io.out(`${printPlan(plan, all)}\n${printProof(proof, ways)}\n${printFindings(findings)}`);
}

async function compare(
  against: string,
  result: PlanResult,
  planOptions: PlanOptions,
  output: string,
  io: PlanIo,
): Promise<number> {
  let before: NetworkState;
  if (against === 'live') before = stateOfResources(await io.live());
  else {
    const { extraVariables: _, ...oldOptions } = planOptions;
    before = stateOfPlan(planCluster([against], oldOptions).plan);
  }
  const difference: Difference = diffNetworks(before, stateOfPlan(result.plan), result.plan.steps);
  const errors = result.findings.filter((one) => one.severity === 'error');
  if (output === 'json')
    io.out(
      `${JSON.stringify({ ...difference, risk: worstRisk(difference) ?? null, findings: result.findings }, null, 2)}\n`,
    );
  else {
    io.out(printDifference(difference));
    if (errors.length > 0) io.out(`\n${printFindings(errors)}`);
  }
  if (errors.length > 0) return 1;
  return difference.changes.length + difference.steps.length > 0 ? 2 : 0;
}

/** What a live datastore holds of the kinds that a plan writes. */
export async function liveResources(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Resource[]> {
  const datastore = await connect(await loadConfig({ env }));
  try {
    return await resourcesOf(datastore);
  } finally {
    datastore.close();
  }
}

/** The resources of a datastore that a plan writes. */
export async function resourcesOf(datastore: Datastore): Promise<readonly Resource[]> {
  const result: Resource[] = [];
  for (const kind of ['IPPool', 'BGPConfiguration', 'BGPPeer', 'Node', 'FelixConfiguration']) {
    const { items } = await datastore.list({ type: 'resource', kind });
    for (const { value } of items) result.push(value as Resource);
  }
  return result;
}
