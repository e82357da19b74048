/**
 * The whole upgrade as one procedure: gate, dry-run, start, agents, complete. What is done next follows from both stores
 * and the journal, so that it can be repeated, and resumed after an end at any instant.
 */
import type { KvStore } from '../datastore/index.ts';
import {
  canMigrate,
  clusterInformationPath,
  complete,
  dryRun,
  type PhaseContext,
  parseVersion,
  readJson,
  readyKey,
  resumeV1,
  start,
  versionKey,
} from '../upgrade/index.ts';
import type { Items, Journal, RunState } from './journal.ts';

/** What a run needs beside what its phases need. */
export interface RunContext extends PhaseContext {
  readonly journal: Journal;
  /** Where the dry-run reports; `outputDir` is start's. */
  readonly dryRunDir: string;
  /** `calico_upgrade_enabled` of the inventory. */
  readonly enabled: boolean;
  /** Hosts whose agents have to be moved to v3. */
  readonly hosts: readonly string[];
  /** The operator says that all of them are. */
  readonly agentsMoved: boolean;
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
}

/** Exit codes of a run. */
export const runExit = { done: 0, failed: 1, waiting: 3 } as const;

/** Does what is to be done next, as far as it can be done. Exit code of {@link runExit}. */
export async function run(context: RunContext): Promise<number> {
  const { stores, out, journal } = context;
  const state = journal.state();
  if (state && state.phase !== 'complete' && state.pid !== context.pid && context.isAlive(state.pid)) {
    return refuse(context, `Another run is at it (process ${state.pid}). Wait for it, or end it.`);
  }
  const information = await readJson(stores.v3, clusterInformationPath);
  if ((information?.['spec'] as { datastoreReady?: unknown } | undefined)?.datastoreReady === true) {
    if (state) journal.saveState({ ...state, phase: 'complete' });
    out.line('The v3 datastore is in use: there is nothing left to upgrade.');
    return finish(context);
  }
  const refusal = gate(context.enabled, await stores.v1.get(versionKey));
  if (refusal !== undefined) return refuse(context, ...refusal);

  const ready = await stores.v1.get(readyKey);
  if (ready !== 'true' && !state) {
    return refuse(
      context,
      'Calico v2 is paused, but not by a run that left its journal here.',
      'If `calico-upgrade start` was called by hand, go on with `calico-upgrade complete`.',
      'Otherwise run `calico-upgrade abort` and begin again.',
    );
  }
  if (ready === 'true' || state?.phase !== 'agents') {
    const code = await startPhase(context, state, ready);
    if (code !== 0) return code;
  } else {
    out.line('The data is converted and stored already.');
  }
  return agentsPhase(context);
}

/** Why this cluster must not be upgraded: Kubespray's message, and the details. */
function gate(enabled: boolean, version: string | undefined): readonly string[] | undefined {
  const parsed = version === undefined ? undefined : parseVersion(version);
  if (parsed && parsed.major >= 3)
    return [`The v2 datastore says ${version}: there is nothing to upgrade from it.`];
  const verdict = canMigrate(version);
  if (!verdict.ok)
    return [
      'Your version of calico is not fresh enough for upgrade. Minimum version v2.6.5',
      verdict.message,
    ];
  if (!enabled)
    return ['The inventory says calico_upgrade_enabled: false. Set it to true to upgrade this cluster.'];
  return undefined;
}

async function startPhase(
  context: RunContext,
  state: RunState | undefined,
  ready: string | undefined,
): Promise<number> {
  const { stores, out, journal } = context;
  const empty =
    (await stores.v3.range({ key: '/calico/', end: '/calico0', limit: 1, keysOnly: true })).pairs.length ===
    0;
  const v3WasEmpty = state ? state.v3WasEmpty : empty;
  // Data of an earlier attempt of this run is not in the way.
  const ignoreV3Data = context.ignoreV3Data || (state !== undefined && v3WasEmpty);
  if (state) out.line('An earlier attempt did not finish: it is done again from the beginning.');

  out.line('Phase 1 of 4: dry-run');
  const tried = await dryRun({ ...context, ignoreV3Data, outputDir: context.dryRunDir });
  if (tried !== 0) return runExit.failed;

  out.separator();
  out.line('Phase 2 of 4: start');
  if (!state) journal.saveDump(await stores.v1.read());
  const saved: RunState = { phase: 'start', v3WasEmpty, at: context.now().toISOString(), pid: context.pid };
  journal.saveState(saved);
  if (ready !== 'true' && !(await resumeV1(context))) return runExit.failed;
  const started = await start({
    ...context,
    ignoreV3Data,
    beforeWriting: async (items) => {
      await removeStale(stores.v3, journal.items(), items);
      journal.saveItems(items);
    },
  });
  if (started !== 0) return runExit.failed;
  journal.saveState({ ...saved, phase: 'agents' });
  return 0;
}

/** Removes what an earlier attempt wrote and the data no longer has, unless somebody changed it since. */
async function removeStale(v3: KvStore, before: Items, now: Items): Promise<void> {
  for (const [key, value] of before) {
    if (now.has(key)) continue;
    const pair = (await v3.range({ key })).pairs[0];
    if (!pair) continue;
    const stored = JSON.parse(Buffer.from(pair.value).toString('utf8')) as { spec?: unknown };
    const written = value as { spec?: unknown };
    const same =
      written.spec === undefined
        ? JSON.stringify(stored) === JSON.stringify(written)
        : JSON.stringify(stored.spec) === JSON.stringify(written.spec);
    if (!same) continue;
    await v3.txn({
      compare: [{ key, modRevision: pair.modRevision }],
      success: [{ op: 'delete', key }],
      failure: [],
    });
  }
}

async function agentsPhase(context: RunContext): Promise<number> {
  const { stores, out, journal, hosts } = context;
  out.separator();
  out.line('Phase 3 of 4: agents');
  if (!context.agentsMoved && !(await movedByNow(context))) {
    out.line(
      'Calico v2 is paused: pods keep their connections, new pods wait. Now move calico-node and the CNI plugins of these hosts to v3:',
    );
    for (const host of hosts) out.bullet(host);
    out.line('Then go on with: calico upgrade run -i INVENTORY --agents-moved');
    out.line('Or go back with: calico upgrade abort');
    return runExit.waiting;
  }
  out.separator();
  out.line('Phase 4 of 4: complete');
  if ((await complete({ ...context, stores, noPrompts: true })) !== 0) return runExit.failed;
  const state = journal.state();
  if (state) journal.saveState({ ...state, phase: 'complete' });
  return finish(context);
}

/** Asks, once a calico-node of v3 was seen: it writes its version when it starts. */
async function movedByNow({ stores, out, noPrompts, prompt }: RunContext): Promise<boolean> {
  const information = await readJson(stores.v3, clusterInformationPath);
  const version = String(
    (information?.['spec'] as { calicoVersion?: unknown } | undefined)?.calicoVersion ?? '',
  );
  const seen = (parseVersion(version)?.major ?? 0) >= 3;
  out.bullet(seen ? `a calico-node ${version} has started` : 'no calico-node of v3 has started yet');
  if (!seen || noPrompts) return false;
  out.raw('Type "yes" when every host runs v3 (any other input waits): ');
  return (await prompt())?.trim().toLowerCase() === 'yes';
}

function finish({ out, outputDir }: RunContext): number {
  out.separator();
  out.line('The upgrade is done. Now:');
  out.bullet('back up the v3 datastore: calico backup create --snapshot');
  out.bullet(
    'switch automated etcd v2 backups to v3: a v2 backup no longer protects anything (calico-backup.timer)',
  );
  out.bullet(`keep ${outputDir} (v2 data, converted items, reports) until you are sure`);
  out.bullet('then remove the old data: calico upgrade clean');
  return runExit.done;
}

function refuse({ out }: PhaseContext, ...lines: readonly string[]): number {
  const [first = '', ...rest] = lines;
  out.error(first);
  for (const line of rest) out.bullet(line);
  return runExit.failed;
}
