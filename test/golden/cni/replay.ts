/** Replays one recording of the CNI plugins against real etcd and the real kernel. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type CniReply, handleCniRequest, kubernetesClient } from '../../../src/cni/index.ts';
import { connect } from '../../../src/datastore/index.ts';
import { createIpam, DatastoreSource } from '../../../src/ipam/index.ts';
import { ensureTunnelAddresses } from '../../../src/node/tunnel-addresses.ts';
import type { Outcome } from '../corpus.ts';
import { accepted } from './accepted.ts';
import { replayInstall } from './install.ts';
import { difference, namedMacs, normal } from './normal.ts';
import { gistOfReply, isSharedSysctl, olderStored } from './older.ts';
import type { NetworkState, Scenario, Step } from './scenario.ts';
import { networkState, recordedApi, World } from './world.ts';

/** Debian's folder of CNI plugins, in place of the recording's. */
const pluginFolder = '/usr/lib/cni';
const recordedFolder = '/opt/cni/bin';

/** How values are compared. */
interface View {
  /** MACs that the recording names. */
  readonly fixed: ReadonlySet<string>;
  /** The recording is of v3.15. */
  readonly older: boolean;
}

/** A step that did not come out as recorded. */
export interface Finding {
  readonly step: number;
  readonly line: string;
}

/** Runs the scenario and compares every step. */
export async function replayScenario(scenario: Scenario): Promise<Outcome> {
  const unknown = scenario.steps.find(({ program }) => program !== undefined && !programs.has(program));
  if (unknown) return { result: 'open', why: `runs ${unknown.program}, which this replay does not` };
  const world = await World.shared();
  await world.reset(scenario);
  const view: View = {
    fixed: namedMacs(JSON.stringify(scenario)),
    older: scenario.calico.startsWith('v3.15'),
  };
  const findings: Finding[] = [];
  for (const [index, step] of scenario.steps.entries()) {
    const lines = await replayStep(world, scenario, step, view);
    findings.push(...lines.map((line) => ({ step: index, line })));
  }
  if (findings.length === 0) {
    const reason = 'The CNI plugins answer as those of v3.32';
    return view.older ? { result: 'accepted', reason, diff: '' } : { result: 'agree' };
  }
  const text = (list: readonly Finding[]) => list.map(({ step, line }) => `step ${step}: ${line}`).join('\n');
  const others = findings.filter((finding) => accepted(scenario, finding) === undefined);
  if (others.length > 0) return { result: 'differ', diff: text(others) };
  return { result: 'accepted', reason: accepted(scenario, findings[0]!)!, diff: text(findings) };
}

/**
 * Where the recorded hosts began to look for a block, by name and number of blocks: upstream draws it from Go's
 * generator, seeded by the name.
 */
function recordedStart(host: string, blocks: bigint): number {
  return starts.get(`${host}/${blocks}`) ?? 0;
}

const starts = new Map([
  ['node1/4', 2],
  ['node1/16', 7],
  ['node1/64', 7],
  ['node1/4096', 2887],
  ['host1/16', 6],
  ['other1/16', 1],
]);

/** A stored value as it is compared. */
function stored(value: unknown, view: View): unknown {
  return normal(view.older ? olderStored(value) : value, view.fixed);
}

/** IPAM's configuration is stored by 3.32 only. */
function isShared(line: string, view: View): boolean {
  return !view.older || !line.startsWith('/calico/ipam/v2/config');
}

/** A kubeconfig for a server. */
function kubeconfig(server: string): string {
  return JSON.stringify({ clusters: [{ name: 'c', cluster: { server } }], users: [], contexts: [] });
}

const programs = new Set([
  'install',
  'calicoctl',
  'calico-node',
  'calico',
  'calico-ipam',
  'portmap',
  'bandwidth',
]);

async function replayStep(
  world: World,
  scenario: Scenario,
  step: Step,
  view: View,
): Promise<readonly string[]> {
  if (step.put) await world.put(step.put);
  if (step.delete) await world.delete(step.delete);
  if (step.file !== undefined) world.setFile(step.file, step.content);
  if (step.netns_delete !== undefined) world.deletePod(step.netns_delete);
  if (step.etcd_state) {
    const dump = await world.dump();
    const ours = Object.fromEntries(Object.keys(step.etcd_state).map((key) => [key, dump.get(key)]));
    return difference(stored(step.etcd_state, view), stored(ours, view)).filter((line) =>
      isShared(line, view),
    );
  }
  if (step.program === undefined) return [];
  if (step.program === 'install') return replayInstall(step, view.older);
  if (step.program === 'calico-node') {
    await allocateTunnels(world);
    return compareStore(world, step, view);
  }
  if (step.program === 'calicoctl') {
    const reply = runCalicoctl(world, step, view.older ? 'v3.15' : 'v3.32');
    return [
      ...(reply.exit === step.exit
        ? []
        : [`exit: recorded ${step.exit}, ours ${reply.exit}: ${reply.stderr}`]),
      ...difference(step.stdout_raw ?? '', reply.stdout, 'stdout'),
      ...(await compareStore(world, step, view)),
    ];
  }
  const reply = await runProgram(world, scenario, step);
  return [
    ...compareReply(step, reply, view),
    ...(await compareStore(world, step, view)),
    ...compareNets(step, view),
  ];
}

async function runProgram(world: World, scenario: Scenario, step: Step): Promise<CniReply> {
  const endpoint = world.etcd.endpoints[0]!;
  const stdin = step.stdin ?? {};
  // The recording's host was called host1; ours has another name, which only the configuration can hide.
  const named =
    step.stdin?.['nodename_file_optional'] === true && !('nodename' in stdin) ? { hostname: 'host1' } : {};
  const text = 'raw' in stdin ? String(stdin['raw']) : JSON.stringify({ ...stdin, ...named });
  const missing = /without (CNI_PATH|all)/.test(step.about ?? '');
  const env: Record<string, string> = { ...(missing ? {} : { CNI_PATH: recordedFolder }), ...step.env };
  if (step.about?.includes('closed port'))
    world.setFile('/etc/cni/net.d/dead-kubeconfig', kubeconfig('https://127.0.0.1:1'));
  const ours = { ...env, ...(env['CNI_PATH'] === recordedFolder ? { CNI_PATH: pluginFolder } : {}) };
  const input = text.replaceAll('<etcd>', endpoint);
  if (step.program === 'portmap' || step.program === 'bandwidth') return runDebian(step.program, ours, input);
  if (step.argv || !env['CNI_COMMAND']) return runOurs(step, ours, input);
  const datastore = await connect({ datastoreType: 'etcdv3', etcdEndpoints: endpoint });
  try {
    const reply = await handleCniRequest(
      { program: step.program as 'calico', env: { PATH: process.env['PATH'], ...ours }, stdin: input },
      {
        datastore,
        ipam: createIpam(datastore, { start: recordedStart }),
        clock: () => new Date(),
        kubernetes: async (conf) =>
          scenario.kubernetes && scenario.kubernetes.length > 0
            ? recordedApi(scenario.kubernetes)
            : kubernetesClient(conf),
      },
    );
    return { ...reply, stdout: reply.stdout.replaceAll(pluginFolder, recordedFolder) };
  } finally {
    datastore.close();
  }
}

/** calicoctl as a program. */
function runCalicoctl(world: World, step: Step, release: string): CniReply {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const env = { ...step.env, ETCD_ENDPOINTS: world.etcd.endpoints[0]!, CALICOCTL_RELEASE: release };
  return run(process.execPath, [main, 'ctl', ...(step.argv ?? [])], env, '');
}

/** What calico-node does with `-allocate-tunnel-addrs-run-once`. */
async function allocateTunnels(world: World): Promise<void> {
  const { datastore: store } = world;
  const ipam = createIpam(store, { start: recordedStart });
  const pools = await new DatastoreSource(store).pools();
  await ensureTunnelAddresses({ nodeName: 'node1', store, ipam, pools, log: () => {} });
}

/** What only the whole program does: options, and the word to people who run it by hand. */
function runOurs(step: Step, env: Readonly<Record<string, string>>, input: string): CniReply {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const word = step.program === 'calico' ? 'cni' : 'cni-ipam';
  return run(process.execPath, [main, word, ...(step.argv ?? [])], env, input);
}

function runDebian(program: string, env: Readonly<Record<string, string>>, input: string): CniReply {
  return run(`${pluginFolder}/${program}`, [], env, input);
}

function run(
  program: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  input: string,
): CniReply {
  const { status, stdout, stderr } = spawnSync(program, [...argv], {
    input,
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
  });
  return { exit: status ?? 1, stdout, stderr };
}

function compareReply(step: Step, reply: CniReply, view: View): readonly string[] {
  const lines: string[] = [];
  if (step.exit !== reply.exit)
    lines.push(`exit: recorded ${step.exit}, ours ${reply.exit}: ${reply.stdout.slice(0, 300)}`);
  const ours: unknown = reply.stdout.trim().startsWith('{') ? JSON.parse(reply.stdout) : null;
  const recorded = step.stdout ?? null;
  const gist = (value: unknown) => (view.older ? gistOfReply(value) : normal(value, view.fixed));
  return [...lines, ...difference(gist(recorded), gist(ours), 'stdout')];
}

async function compareStore(world: World, step: Step, view: View): Promise<readonly string[]> {
  if (!step.etcd || Array.isArray(step.etcd)) return [];
  const dump = await world.dump();
  return Object.entries(step.etcd as Readonly<Record<string, { readonly after: unknown }>>).flatMap(
    ([key, { after }]) => difference(stored(after, view), stored(dump.get(key) ?? null, view), key),
  );
}

function compareNets(step: Step, view: View): readonly string[] {
  const lines: string[] = [];
  const { pod, host } = step.netns ?? {};
  if (typeof pod === 'object' && pod !== null) {
    lines.push(...compareNet('pod', pod, networkState(step.env?.['CNI_NETNS'] ?? '', pod), view));
  }
  if (host) lines.push(...compareNet('host', host, networkState(undefined, host), view));
  return lines;
}

function compareNet(
  where: string,
  recorded: NetworkState,
  ours: NetworkState | undefined,
  view: View,
): readonly string[] {
  const comparable = (state: NetworkState) => {
    const text = (list: readonly unknown[]) =>
      list.map((one) => JSON.stringify(normal(one, view.fixed))).sort();
    return {
      links: text(state.links.map(({ name, mac, mtu }) => ({ name, mac, mtu }))),
      // The kernel gives link-local addresses when it comes to it.
      addresses: text(
        state.addresses.filter(({ scope }) => scope !== 'link').map(({ dev, addr }) => ({ dev, addr })),
      ),
      routes: text(
        state.routes
          .filter(({ dst }) => dst !== 'fe80::/64')
          .map(({ dst, dev, family, gateway, protocol }) => ({
            dst,
            dev,
            family,
            gateway,
            protocol,
          })),
      ),
      sysctls: Object.fromEntries(
        Object.entries(state.sysctls).filter(([name]) => !view.older || isSharedSysctl(name)),
      ),
    };
  };
  return difference(comparable(recorded), ours && comparable(ours), where);
}
