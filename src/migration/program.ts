/** `calico upgrade`: run, clean and rehearse; everything else is `calico-upgrade`, as upstream has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CalicoError, messageOf } from '../errors.ts';
import { planCluster } from '../kubespray/index.ts';
import { writeOut } from '../output.ts';
import {
  openStores,
  pauseSeconds,
  StatusText,
  terminalContext,
  type UpgradeStores,
  upgradeProgram,
} from '../upgrade/index.ts';
import { clean } from './clean.ts';
import { diskJournal, journalFiles } from './journal.ts';
import { run } from './run.ts';

const help = {
  run: `usage: calico upgrade run -i INVENTORY [options]

Upgrades the datastore of Calico v2.6.5+ (etcd v2) to v3 (etcd v3): gate, dry-run, start, agents, complete.
Call it again to go on; it can end at any instant. \`calico upgrade abort\` goes back.

  -i, --inventory PATH       Kubespray inventory; may be repeated
  -e, --extra-vars VARS      name=value, JSON or @FILE
      --apiconfigv1 FILE     the v1 datastore (default /etc/calico/apiconfigv1.cfg, else APIV1_ETCD_ENDPOINTS …)
      --apiconfigv3 FILE     the v3 datastore (default /etc/calico/apiconfigv3.cfg, else ETCD_ENDPOINTS …)
      --report-dir DIR       reports of the dry-run (default /tmp)
      --output-dir DIR       v2 data, converted items, reports, state (default /tmp/calico_upgrade)
      --agents-moved         calico-node and the CNI plugins of all hosts run v3: complete
      --ignore-v3-data       overwrite v3 data that was there before
      --no-prompts           do not ask
      --pause SECONDS        how long agents get to see the pause (default 15)

Exit code: 0 done, 1 failed or refused, 2 usage, 3 waits for the agents to be moved.
`,
  clean: `usage: calico upgrade clean [--yes] [options]

Shows what is left in etcd v2 after an upgrade; deletes it only with --yes, and keeps a copy.

      --yes                  delete
      --output-dir DIR       where the copy goes (default /tmp/calico_upgrade)
      --apiconfigv1 FILE, --apiconfigv3 FILE
`,
  rehearse: `usage: calico upgrade rehearse [--dump FILE] [options]

Converts a copy of the v2 data and compares what both describe: verdicts between endpoints, BGP sessions and reachability,
addresses. Nothing is written anywhere.

      --dump FILE            keys and values as JSON (default: read the live store)
      --apiconfigv1 FILE     the live v1 datastore
  -o, --output text|json

Exit code: 0 the same, 1 differences, 2 usage.
`,
} as const;

/** The program. */
export async function migrationProgram(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  if (command !== 'run' && command !== 'clean' && command !== 'rehearse') return upgradeProgram(argv);
  const options = optionsOf(args, command);
  if (typeof options === 'number') return options;
  const out = new StatusText({ write: writeOut });
  try {
    if (command === 'rehearse') return await (await import('./rehearse-program.ts')).rehearseProgram(options);
    const stores = await openStores({
      v1File: options.apiconfigv1,
      v3File: options.apiconfigv3,
      env: process.env,
    });
    try {
      return command === 'run'
        ? await runCommand(options, stores, out)
        : await cleanCommand(options, stores, out);
    } finally {
      stores.v3.close();
    }
  } catch (error) {
    out.error(messageOf(error));
    if (error instanceof CalicoError && error.cure) out.line(error.cure);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  }
}

/** Options of the three commands. */
export type MigrationOptions = Exclude<ReturnType<typeof optionsOf>, number>;

function optionsOf(args: readonly string[], command: keyof typeof help) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        inventory: { type: 'string', short: 'i', multiple: true, default: [] },
        'extra-vars': { type: 'string', short: 'e', multiple: true, default: [] },
        apiconfigv1: { type: 'string' },
        apiconfigv3: { type: 'string' },
        'report-dir': { type: 'string', default: '/tmp' },
        'output-dir': { type: 'string', default: '/tmp/calico_upgrade' },
        'agents-moved': { type: 'boolean', default: false },
        'ignore-v3-data': { type: 'boolean', default: false },
        'no-prompts': { type: 'boolean', default: false },
        pause: { type: 'string' },
        yes: { type: 'boolean', default: false },
        dump: { type: 'string' },
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!values.help) return values;
    writeOut(help[command]);
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${help[command]}`);
    return 2;
  }
}

async function runCommand(
  options: MigrationOptions,
  stores: UpgradeStores,
  out: StatusText,
): Promise<number> {
  if (options.inventory.length === 0)
    throw new CalicoError('USAGE', 'run wants the inventory of the cluster', {
      cure: 'Give it with -i PATH.',
    });
  const { view, plan } = planCluster(options.inventory, { extraVariables: options['extra-vars'] });
  const first = view.first() ?? view.playFirst();
  const outputDir = options['output-dir'];
  return run({
    ...terminalContext(stores, out, {
      outputDir,
      ignoreV3Data: options['ignore-v3-data'],
      noPrompts: options['no-prompts'],
      pauseSeconds: pauseSeconds(options.pause),
    }),
    dryRunDir: options['report-dir'],
    journal: diskJournal(outputDir),
    // Later releases of Kubespray have no such variable: whoever calls this wants the upgrade.
    enabled:
      first === undefined ||
      view.value(first, 'calico_upgrade_enabled') === undefined ||
      view.flag(first, 'calico_upgrade_enabled'),
    hosts: plan.hosts.filter(({ runsNode }) => runsNode).map(({ name }) => name),
    agentsMoved: options['agents-moved'],
    pid: process.pid,
    isAlive: isUpgrade,
  });
}

/** Whether a process is there and is an upgrade: numbers are used again. */
function isUpgrade(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('upgrade');
  } catch {
    return false;
  }
}

async function cleanCommand(
  options: MigrationOptions,
  stores: UpgradeStores,
  out: StatusText,
): Promise<number> {
  const journal = diskJournal(options['output-dir']);
  return clean({
    stores,
    out,
    yes: options.yes,
    keep: (dump) => {
      journal.saveDump(dump);
      return join(options['output-dir'], journalFiles.dump);
    },
  });
}
