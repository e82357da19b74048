/** `calico lab up`. */
import { accessSync, constants } from 'node:fs';
import { basename, join } from 'node:path';
import { CalicoError } from '../../errors.ts';
import { type ClusterPlan, type Finding, planCluster } from '../../kubespray/index.ts';
import { type KernelFacts, probeKernel, runProgram } from '../../linux/index.ts';
import { converse } from '../client.ts';
import { frrFolder, routerPackages } from '../holder/border-router.ts';
import { end, launch } from '../launch.ts';
import { obstacles } from '../preflight.ts';
import { ProgressView } from '../progress.ts';
import type { LabStatus, RouterSoftware } from '../protocol.ts';
import type { LabSpec, LabState } from '../state.ts';
import { limitPlan } from '../topology.ts';
import { umlFacts, umlInstalled, umlPackage } from '../uml/kernel.ts';
import { type LabCommand, numberOption, parse, print, table } from './command.ts';

const usage = `Usage: calico lab up -i PATH [--name NAME] [--pods-per-node K] [--limit HOST,…] [--kernel K]

Makes the network of a Kubespray inventory on this machine: a namespace per host, etcd, BIRD and calico-node as real
processes, pods attached through the CNI plugin. Everything is inside namespaces of the lab; Ctrl-C cleans up.

  -i, --inventory PATH      inventory file or folder (may be repeated)
      --name NAME           name of the lab (default: lab)
      --pods-per-node K     pods on every host of kube-node (default: 1)
      --limit HOST,…        these hosts only (etcd members always)
      --border-routers S    what peers outside the cluster run: frr (default) or bird
      --kubespray-release V rules and defaults of that release
      --subnet-prefix N     prefix length of the hosts' networks (default: 24)
      --kernel host|uml     this machine's kernel, or user-mode-linux, which needs no rights and has IPIP (default: what
                            the inventory needs; it is said when that is user-mode-linux)
      --keep                leave a lab that failed as it is, to be looked at
  -o, --output json         the status at the end as JSON

Examples:
  calico lab up -i examples/kubespray-rr/hosts.ini
  calico lab up -i inventory/mycluster --name big --pods-per-node 3
`;

/** See the usage. */
export const up: LabCommand = {
  summary: 'make the network of an inventory on this machine',
  usage,
  run: async (argv) => {
    const parsed = parse(
      argv,
      {
        inventory: { type: 'string', short: 'i', multiple: true },
        'pods-per-node': { type: 'string' },
        limit: { type: 'string', multiple: true },
        'kubespray-release': { type: 'string' },
        'border-routers': { type: 'string' },
        'subnet-prefix': { type: 'string' },
        kernel: { type: 'string' },
        keep: { type: 'boolean' },
      },
      usage,
    );
    const { state, values } = parsed;
    const inventory = (values['inventory'] ?? []) as readonly string[];
    if (state.exists) {
      const answer = await resume(state, inventory.length > 0 ? inventory : undefined);
      if (answer !== undefined) return answer;
    }
    if (inventory.length === 0)
      throw new CalicoError('USAGE', 'which inventory?', { cure: 'calico lab up -i PATH' });
    const release = values['kubespray-release'];
    const { plan: whole, findings } = planCluster(inventory, {
      subnetPrefix: numberOption(parsed, 'subnet-prefix', 24),
      ...(typeof release === 'string' ? { kubesprayRelease: release } : {}),
    });
    sayFindings(findings);
    const limit = ((values['limit'] ?? []) as readonly string[]).flatMap((text) => text.split(','));
    const unknown = limit.filter((name) => whole.hosts.every((host) => host.name !== name));
    if (unknown.length > 0)
      throw new CalicoError('USAGE', `--limit: the inventory has no host ${unknown.join(', ')}`);
    const plan = limit.length > 0 ? limitPlan(whole, limit) : whole;
    const routers = softwareOption(values['border-routers']);
    const kernel = await chooseKernel(plan, routers, values['kernel']);
    const podsPerNode = numberOption(parsed, 'pods-per-node', 1);
    const spec: LabSpec = {
      name: state.name,
      plan,
      podsPerNode,
      routers,
      executable: executable(),
      kernel,
      inventory,
    };
    return await start(state, spec, { json: parsed.json, keep: values['keep'] === true });
  },
};

/** A lab of that name is there: follow it if it starts or runs, clear it away if it crashed. */
async function resume(state: LabState, asked: readonly string[] | undefined): Promise<number | undefined> {
  if (state.runningHolder() === undefined) {
    process.stderr.write(`the lab ${state.name} had ended without being taken down: its files are removed\n`);
    await end(state);
    return undefined;
  }
  const { inventory } = state.spec();
  process.stderr.write(`the lab ${state.name} runs already (inventory ${inventory.join(', ')})\n`);
  if (asked !== undefined && asked.join() !== inventory.join()) {
    throw new CalicoError('EXISTS', `the lab ${state.name} was made of another inventory`, {
      cure: `Take it down first (calico lab down --name ${state.name}), or give another --name.`,
    });
  }
  await follow(state);
  print(summary(state, await finalStatus(state)));
  return 0;
}

async function start(
  state: LabState,
  spec: LabSpec,
  { json, keep }: { readonly json: boolean; readonly keep: boolean },
): Promise<number> {
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) return;
    interrupted = true;
    process.stderr.write('\ninterrupted: cleaning up\n');
    void end(state).finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  try {
    await launch(state, spec);
    const status = await follow(state);
    print(json ? `${JSON.stringify(status, null, 2)}\n` : summary(state, status));
    return 0;
  } catch (error) {
    // The interruption ends the process, with its own status.
    if (interrupted) return await new Promise<number>(() => {});
    if (!keep) await end(state);
    throw error;
  }
}

/** Shows the progress until the lab is up. */
async function follow(state: LabState): Promise<LabStatus> {
  if (state.spec().kernel === 'host') await answering(state);
  const view = new ProgressView();
  let status: LabStatus | undefined;
  try {
    await converse(state, { op: 'follow' }, (reply) => {
      if (reply.kind === 'stage') view.show(reply);
      if (reply.kind === 'up') status = reply.status;
    });
  } finally {
    view.close();
  }
  if (!status) throw new CalicoError('PROGRAM', 'the holder of the lab ended', { cure: `See ${state.log}` });
  return status;
}

async function finalStatus(state: LabState): Promise<LabStatus> {
  let status: LabStatus | undefined;
  await converse(state, { op: 'status' }, (reply) => {
    if (reply.kind === 'status') status = reply.status;
  });
  return status!;
}

/** The holder listens a moment after it was started. */
async function answering(state: LabState): Promise<void> {
  for (let attempt = 0; attempt < 500 && state.runningHolder() !== undefined; attempt++) {
    try {
      await converse(state, { op: 'status' }, () => {});
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function summary(state: LabState, status: LabStatus): string {
  const total = status.stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const name = state.name === 'lab' ? '' : ` --name ${state.name}`;
  const rows = status.hosts.map((host) => {
    const pods = status.pods.filter((pod) => pod.host === host.name);
    return [
      host.name,
      host.address,
      host.roles.join(','),
      `${host.memoryMiB} MiB`,
      pods.map((pod) => `${pod.name}=${pod.addresses.join(',')}`).join(' '),
    ];
  });
  const [first] = status.pods;
  const other = status.pods.find(({ host }) => host !== first?.host);
  const tries = [
    `calico lab check${name}`,
    `calico lab exec${name} ${status.hosts[0]?.name} -- calicoctl.sh node status`,
    ...(first && other
      ? [`calico lab exec${name} ${first.host}/${first.name} -- ping -c 3 ${other.addresses[0]}`]
      : []),
    `calico lab down${name}`,
  ];
  return `\nThe lab ${state.name} is up after ${(total / 1000).toFixed(1)} s.\n\n${table(
    ['HOST', 'ADDRESS', 'ROLES', 'MEMORY', 'PODS'],
    rows,
  )}\nTry next:\n${tries.map((line) => `  ${line}\n`).join('')}`;
}

function sayFindings(findings: readonly Finding[]): void {
  for (const { severity, message, cure } of findings) {
    if (severity === 'note') continue;
    process.stderr.write(`${severity}: ${message}${cure === undefined ? '' : `\n  ${cure}`}\n`);
  }
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (errors > 0)
    throw new CalicoError('INPUT', `the inventory has ${errors} error${errors === 1 ? '' : 's'}`);
}

/** Says which kernel the lab runs on. @throws CalicoError UNSUPPORTED when none will do, USAGE */
async function chooseKernel(
  plan: ClusterPlan,
  routers: RouterSoftware,
  asked: unknown,
): Promise<LabSpec['kernel']> {
  if (asked !== undefined && asked !== 'host' && asked !== 'uml')
    throw new CalicoError('USAGE', `--kernel ${String(asked)} is not known: host or uml`);
  const programs = installedPrograms();
  const onHost = asked === 'uml' ? [] : obstacles(plan, await hostFacts(), programs, routers);
  if (asked !== 'uml' && onHost.length === 0) return 'host';
  const underUml = umlInstalled()
    ? obstacles(plan, umlFacts, programs, routers)
    : [
        {
          message: 'user-mode-linux is not installed',
          cure: `Install the Debian package ${umlPackage} (apt-get install ${umlPackage}): under its kernel the lab runs on any machine.`,
        },
      ];
  if (asked !== 'host' && underUml.length === 0) {
    const why = onHost.map(({ message }) => message).join('; ');
    process.stderr.write(`the lab runs under user-mode-linux${why === '' ? '' : `: ${why}`}\n`);
    return 'uml';
  }
  const found = asked === 'uml' ? underUml : onHost;
  const wayOut = asked === undefined && !umlInstalled() ? underUml : [];
  throw new CalicoError('UNSUPPORTED', found.map(({ message }) => message).join('; '), {
    cure: [...found, ...wayOut].map(({ cure }) => cure).join('\n'),
  });
}

/** What this machine's kernel can do for us; without privileges, what a user namespace of our own can. */
async function hostFacts(): Promise<KernelFacts> {
  if (process.getuid?.() === 0) return await probeKernel();
  const command = ['--user', '--map-root-user', '--net', '--', executable(), 'lab', 'kernel'];
  return JSON.parse(await runProgram('unshare', command)) as KernelFacts;
}

function softwareOption(value: unknown): RouterSoftware {
  const known: readonly RouterSoftware[] = ['frr', 'bird'];
  const found = value === undefined ? 'frr' : known.find((one) => one === value);
  if (found) return found;
  throw new CalicoError('USAGE', `--border-routers ${String(value)} is not known: ${known.join(', ')}`);
}

function installedPrograms(): ReadonlySet<string> {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin:${frrFolder}`.split(':');
  const routers = Object.values(routerPackages).flatMap((programs) => Object.keys(programs));
  const names = ['etcd', 'bird', 'nsenter', 'unshare', 'mount', ...routers];
  return new Set(names.filter((name) => folders.some((folder) => isExecutable(join(folder, name)))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The executable that the lab's hosts run: this one, unless it is run from its sources. */
function executable(): string {
  const given = process.env['CALICO_LAB_EXECUTABLE'];
  if (given) return given;
  if (!/^(bun|node)/.test(basename(process.execPath))) return process.execPath;
  throw new CalicoError('USAGE', 'a lab runs the compiled executable, and this is the source', {
    cure: 'Build it (npm run build) and run dist/calico, or name one with CALICO_LAB_EXECUTABLE.',
  });
}
