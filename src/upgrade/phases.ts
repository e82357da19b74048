/**
 * The phases of an upgrade. Each works on the stores it is given and can be repeated; between pause and success every
 * failure, interruption included, turns Calico v2 back on. Upstream: calico-upgrade pkg/{commands,migrate}.
 */
import type { KvStore } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { type Kind, parseResourcePath, resourcePath } from '../resources/index.ts';
import { apiVersion } from '../resources/resource.ts';
import { type Conversion, convertTree } from './convert.ts';
import { convertIpam, type IpamConversion } from './convert-ipam.ts';
import { storedPolicy } from './convert-policy.ts';
import { prepareReports, writeReports } from './reports.ts';
import type { StatusText } from './status-text.ts';
import type { UpgradeStores, V1Store } from './stores.ts';
import { treeOf } from './v2-tree.ts';
import { problemOf } from './validation.ts';
import { canMigrate, migrationNeeded } from './version-gate.ts';

/** The v1 flag that pauses Calico v2. */
export const readyKey = '/calico/v1/Ready';
/** The v1 version. */
export const versionKey = '/calico/v1/config/CalicoVersion';
/** Where v3 keeps its version and whether it is ready. */
export const clusterInformationPath = resourcePath({ kind: 'ClusterInformation', name: 'default' });

/** What the phases need besides the stores. */
export interface PhaseContext {
  readonly stores: UpgradeStores;
  readonly out: StatusText;
  readonly outputDir: string;
  readonly ignoreV3Data: boolean;
  readonly noPrompts: boolean;
  /** One line of input; `undefined` at its end. */
  readonly prompt: () => Promise<string | undefined>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly now: () => Date;
  readonly uuid: () => string;
  readonly signal?: AbortSignal;
  /** How long `start` waits for agents to see that v2 is paused; 15 as upstream. */
  readonly pauseSeconds?: number;
  /** Called with everything that `start` is about to write, by key. */
  readonly beforeWriting?: (items: ReadonlyMap<string, unknown>) => Promise<void>;
}

const notClean =
  "The v3 datastore is not clean. We recommend that you remove any calico data before attempting the upgrade. If you want to keep the existing v3 data, you may use the '--ignore-v3-data' flag when running the 'start-upgrade' command to force the upgrade, in which case the v1 data will be converted and will overwrite matching entries in the v3 datastore.";

/** Everything that a store converts to. */
interface Converted {
  readonly resources: Conversion;
  readonly ipam: IpamConversion;
}

/** Validates and reports; writes nothing into either store. Exit code. */
export async function dryRun(context: PhaseContext): Promise<number> {
  const { out } = context;
  prepareReports(context.outputDir);
  const checked = await validateAll(context);
  out.separator();
  if (checked.problems.length > 0) return failedValidation(context, checked);
  out.line('Successfully validated v1 to v3 conversion.');
  return announce(context, checked.converted, 'See report(s) below for details of the conversion.');
}

/** Validates, pauses Calico v2, converts once more and writes v3. Exit code. */
export async function start(context: PhaseContext): Promise<number> {
  const { out, stores } = context;
  prepareReports(context.outputDir);
  const checked = await validateAll(context);
  if (checked.problems.length > 0) {
    out.separator();
    return failedValidation(context, checked);
  }
  out.separator();
  out.line('Successfully validated v1 to v3 conversion.');
  out.line(
    'You are about to start the migration of Calico v1 data format to Calico v3 data format. During this time and until the upgrade is completed Calico networking will be paused - which means no new Calico networked endpoints can be created. No Calico configuration should be modified using calicoctl during this time.',
  );
  if (!(await confirmed(context))) return 1;
  out.line('Pausing Calico networking');
  const paused = await pause(stores.v1);
  if (paused !== undefined) {
    out.separator();
    out.line('Failed to migrate Calico v1 data to v3 format.');
    out.bullet(`unable to pause calico networking: ${paused}`);
    out.line('Please resolve the errors and retry the command.');
    return 1;
  }
  out.bullet('successfully paused Calico networking in the v1 configuration');
  let wrote = false;
  try {
    const seconds = context.pauseSeconds ?? 15;
    out.line(`Calico networking is now paused - waiting for ${seconds}s`);
    await context.sleep(seconds * 1000);
    context.signal?.throwIfAborted();
    const converted = await readAndConvert(stores.v1);
    const errors = problemsOf(converted);
    if (errors.length > 0) {
      throw new CalicoError(
        'INPUT',
        'Error converting data, check output for details and resolve issues before starting upgrade',
      );
    }
    out.line('Storing v3 data');
    wrote = true;
    await writeAll(context, converted);
    out.separator();
    out.line('Successfully migrated Calico v1 data to v3 format.');
    out.line(
      'Follow the detailed upgrade instructions available in the release documentation to complete the upgrade. This includes:',
    );
    out.bullet(
      'upgrading your calico/node instances and orchestrator plugins (e.g. CNI) to the required v3.x release',
    );
    out.bullet("running 'calico-upgrade complete' to complete the upgrade and resume Calico networking");
    return announce(context, converted, 'See report(s) below for details of the migrated data.');
  } catch (error) {
    out.error(messageOf(error));
    const resumed = await resumeV1(context);
    out.separator();
    out.line('Failed to migrate Calico v1 data to v3 format.');
    out.bullet(messageOf(error));
    if (wrote) {
      out.bullet(
        'partial data may have been written into the v3 datastore: remove it, or use --ignore-v3-data next time',
      );
    }
    if (!resumed) out.bullet("run 'calico-upgrade abort' to turn Calico v2 networking back on");
    return 1;
  }
}

/** Makes v3 ready. Refused where there was no start. Exit code. */
export async function complete(context: PhaseContext): Promise<number> {
  const { out, stores } = context;
  out.line();
  out.line(
    'You are about to complete the upgrade process to Calico v3. At this point, the v1 format data should have been successfully converted to v3 format, and all calico/node instances and orchestrator plugins (e.g. CNI) should be running Calico v3.x.',
  );
  out.line();
  if (!(await confirmed(context))) return 1;
  out.line('Completing upgrade');
  out.line('Enabling Calico networking for v3');
  const current = await readJson(stores.v3, clusterInformationPath);
  if (!current) {
    // Upstream makes a ready, empty cluster here; ours wants the conversion first.
    out.error('Unable to complete the upgrade process');
    out.separator();
    out.line('Failed to complete the upgrade process.');
    out.bullet("the v3 datastore has no ClusterInformation: run 'calico-upgrade start' first");
    return 1;
  }
  await putCas(stores.v3, clusterInformationPath, (stored) => ({
    ...(stored ?? current),
    spec: { ...((stored ?? current)['spec'] as Record<string, unknown> | undefined), datastoreReady: true },
  }));
  out.bullet('successfully resumed Calico networking in the v3 configuration (updated ClusterInformation)');
  out.line('Upgrade completed successfully');
  out.separator();
  out.line('Successfully completed the upgrade process.');
  return 0;
}

/** Turns Calico v2 back on. Exit code. */
export async function abort(context: PhaseContext): Promise<number> {
  const { out } = context;
  out.line();
  out.line(
    'You are about to abort the upgrade process to Calico v3. At this point, all calico/node instances and orchestrator plugins (e.g. CNI) should be running Calico v2.x.',
  );
  out.line();
  if (!(await confirmed(context))) return 1;
  const resumed = await resumeV1(context);
  out.separator();
  out.line(resumed ? 'Successfully aborted the upgrade process.' : 'Failed to aborted the upgrade process.');
  return resumed ? 0 : 1;
}

/** Whether an upgrade is to be done: 0 yes, 1 no, 2 error. */
export async function needed(context: PhaseContext): Promise<number> {
  const answer = await neededAnswer(context.stores);
  context.out.separator();
  if (answer.kind === 'error') {
    context.out.line('There was an error checking if datastore migration is needed');
    context.out.bullet(`Error: ${answer.message}`);
    return 2;
  }
  context.out.line(
    answer.kind === 'needed'
      ? 'Migration of the datastore to the V3 API is needed.'
      : 'Migration of the datastore is not needed.',
  );
  return answer.kind === 'needed' ? 0 : 1;
}

/** Whether an upgrade is under way: 0 yes, 1 no, 2 error. */
export async function inProgress(context: PhaseContext): Promise<number> {
  const { stores, out } = context;
  const answer = await neededAnswer(stores);
  const ready = answer.kind === 'needed' ? await stores.v1.get(readyKey) : undefined;
  out.separator();
  if (answer.kind === 'error' || (answer.kind === 'needed' && ready === undefined)) {
    const cause = answer.kind === 'error' ? answer.message : 'the Ready flag is missing in the v1 datastore';
    out.line('There was an error checking if datastore migration is in progress');
    out.bullet(`Error: error checking migration progress status: ${cause}`);
    return 2;
  }
  if (answer.kind === 'needed') out.bullet(`Ready flag is ${ready === 'true'}.`);
  const running = answer.kind === 'needed' && ready !== 'true';
  out.line(running ? 'Migration is in Progress.' : 'Migration is NOT in Progress.');
  return running ? 0 : 1;
}

interface Checked {
  readonly converted: Converted;
  readonly problems: readonly string[];
}

async function validateAll(context: PhaseContext): Promise<Checked> {
  const { stores, out } = context;
  out.line('Checking Calico version is suitable for migration');
  const dump = await stores.v1.read();
  const version = dump[versionKey];
  const verdict = canMigrate(version);
  const problems: string[] = [];
  if (verdict.ok) out.bullet(`determined Calico version of: ${version}`);
  else problems.push(verdict.message);
  out.line('Validating conversion of v1 data to v3');
  const converted = convertDump(dump);
  if (verdict.ok) {
    for (const kind of progress)
      out.bullet(
        `handling ${kind} resource${kind.includes('(global)') && !kind.startsWith('BGPPeer') ? '' : 's'}`,
      );
    const errors = problemsOf(converted);
    if (converted.resources.fatal !== undefined) problems.push(converted.resources.fatal);
    else if (errors.length > 0) problems.push('errors converting data, see report(s) below for details');
    else {
      out.bullet('data conversion successful');
      out.line('Data conversion validated successfully');
    }
  }
  out.line('Validating the v3 datastore');
  const clean =
    (await stores.v3.range({ key: '/calico/', end: '/calico0', limit: 1, keysOnly: true })).pairs.length ===
    0;
  out.bullet(clean ? 'the v3 datastore is empty' : 'the v3 datastore is not empty');
  if (!clean && !context.ignoreV3Data) problems.push(notClean);
  return { converted, problems };
}

const progress = [
  'FelixConfiguration (global)',
  'ClusterInformation (global)',
  'FelixConfiguration (per-node)',
  'BGPConfiguration (global)',
  'Node',
  'BGPPeer (global)',
  'BGPPeer (node)',
  'HostEndpoint',
  'IPPool',
  'GlobalNetworkPolicy',
  'Profile',
  'WorkloadEndpoint',
] as const;

function failedValidation(context: PhaseContext, { converted, problems }: Checked): number {
  context.out.line('Failed to validate v1 to v3 conversion.');
  for (const problem of problems) context.out.bullet(problem);
  const reportable = problems.some((problem) => problem.startsWith('errors converting data'));
  if (reportable) announce(context, converted, undefined);
  return 1;
}

function announce(context: PhaseContext, converted: Converted, heading: string | undefined): number {
  if (heading !== undefined) context.out.line(heading);
  context.out.line('Reports:');
  const source = {
    ...converted.resources,
    conversionErrors: [...converted.resources.conversionErrors, ...converted.ipam.errors],
  };
  for (const line of writeReports(context.outputDir, source)) context.out.raw(`${line}\n`);
  return 0;
}

function convertDump(dump: Readonly<Record<string, string>>): Converted {
  const tree = treeOf(dump);
  return { resources: convertTree(tree, problemOf), ipam: convertIpam(tree) };
}

async function readAndConvert(v1: V1Store): Promise<Converted> {
  return convertDump(await v1.read());
}

function problemsOf({ resources, ipam }: Converted): readonly unknown[] {
  return [
    ...resources.conversionErrors,
    ...resources.nameClashes,
    ...resources.validationErrors,
    ...ipam.errors,
  ];
}

/** Asks, unless told not to. */
export async function confirmed({ noPrompts, out, prompt }: PhaseContext): Promise<boolean> {
  if (noPrompts) return true;
  out.raw('Type "yes" to proceed (any other input cancels): ');
  const answer = (await prompt())?.trim().split(/\s+/)[0] ?? '';
  if (answer.toLowerCase() === 'yes') return true;
  out.raw('User cancelled. Exiting.\n');
  return false;
}

/** Turns Calico v2 off; why not, if it cannot be. */
async function pause(v1: V1Store): Promise<string | undefined> {
  const ready = await v1.get(readyKey);
  if (ready === undefined) return 'the Ready flag is missing in the v1 datastore';
  if (ready !== 'true') return 'Calico networking already paused do not continue.';
  return (await v1.set(readyKey, 'false', { mustExist: true })) ? undefined : 'the Ready flag went away';
}

/** Turns Calico v2 back on, with patience; whether it worked. */
export async function resumeV1({ stores, out, sleep }: PhaseContext): Promise<boolean> {
  out.line('Aborting upgrade');
  out.line('Re-enabling Calico networking for v1');
  for (let attempt = 1; attempt <= 30; attempt++) {
    try {
      await stores.v1.set(readyKey, 'true');
      out.bullet('successfully resumed Calico networking in the v1 configuration');
      out.line('Upgrade aborted successfully');
      return true;
    } catch (error) {
      if (attempt === 30) out.bullet(`failed to resume Calico networking: ${messageOf(error)}`);
      else await sleep(1000);
    }
  }
  return false;
}

/** What a conversion is stored as: values by key, in the order in which they are written. */
function v3Items({ resources, ipam }: Converted): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const items = new Map<string, Readonly<Record<string, unknown>>>();
  for (const resource of resources.resources) {
    const { kind, metadata, spec } =
      resource.kind === 'GlobalNetworkPolicy' ? storedPolicy(resource) : resource;
    const { name, namespace } = metadata;
    const path = resourcePath({
      kind: kind as Kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
    });
    items.set(path, { kind, apiVersion, metadata, spec });
  }
  for (const { path, value } of ipam.entries) items.set(path, value);
  return items;
}

/** Converts a dump as `start` would store it, whatever is wrong with single objects. */
export function convertedItems(dump: Readonly<Record<string, string>>): ReturnType<typeof v3Items> {
  return v3Items(convertDump(dump));
}

async function writeAll(context: PhaseContext, converted: Converted): Promise<void> {
  const { stores, out, now, uuid } = context;
  const creationTimestamp = now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  const items = v3Items(converted);
  await context.beforeWriting?.(items);
  out.bullet('Storing resources in v3 format');
  const resources = converted.resources.resources.length;
  let count = 0;
  for (const [path, value] of items) {
    context.signal?.throwIfAborted();
    const isResource = count < resources;
    if (count === resources) announceIpam(out);
    const metadata = value['metadata'] as Readonly<Record<string, unknown>>;
    await putCas(stores.v3, path, () =>
      isResource ? { ...value, metadata: { ...metadata, uid: uuid(), creationTimestamp } } : value,
    );
    if (++count % 100 === 0 && isResource) out.bullet(`applied ${count} resources`);
  }
  if (count === resources) announceIpam(out);
  out.bullet('IPAM data stored successfully');
}

function announceIpam(out: StatusText): void {
  out.bullet('success: resources stored in v3 datastore');
  out.line('Migrating IPAM data');
  out.bullet('listing and converting IPAM allocation blocks');
  out.bullet('listing and converting IPAM affinity blocks');
  out.bullet('listing IPAM handles');
  out.bullet('storing IPAM data in v3 format');
}

/** Create, or read and compare-and-swap. */
async function putCas(
  v3: KvStore,
  key: string,
  change: (current: Readonly<Record<string, unknown>> | undefined) => Readonly<Record<string, unknown>>,
): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const pair = (await v3.range({ key })).pairs[0];
    const current = pair && (JSON.parse(Buffer.from(pair.value).toString('utf8')) as Record<string, unknown>);
    const value = Buffer.from(JSON.stringify(change(current)));
    const result = await v3.txn({
      compare: [{ key, modRevision: pair?.modRevision ?? '0' }],
      success: [{ op: 'put', key, value }],
      failure: [],
    });
    if (result.succeeded) return;
  }
  throw new CalicoError('CONFLICT', `${describe(key)} is changed by others all the time`, {
    cure: 'Stop what writes it and start again.',
  });
}

function describe(key: string): string {
  const id = parseResourcePath(key);
  return id ? `${id.kind} ${id.name}` : key;
}

/** A v3 value. */
export async function readJson(v3: KvStore, key: string): Promise<Record<string, unknown> | undefined> {
  const pair = (await v3.range({ key })).pairs[0];
  return pair && (JSON.parse(Buffer.from(pair.value).toString('utf8')) as Record<string, unknown>);
}

async function neededAnswer(stores: UpgradeStores): Promise<ReturnType<typeof migrationNeeded>> {
  const information = await readJson(stores.v3, clusterInformationPath);
  const spec = (information?.['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  const version = typeof spec['calicoVersion'] === 'string' ? spec['calicoVersion'] : undefined;
  return migrationNeeded(version, version ? undefined : await stores.v1.get(versionKey));
}
