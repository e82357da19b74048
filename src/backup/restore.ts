/**
 * Puts a backup back. The plan is a value: what would be written and deleted, and what is left alone. Addresses in use
 * stay in use: IPAM keys and workload endpoints of now are kept unless everything is asked for.
 */
import type { KvStore } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import { parseResourcePath } from '../resources/index.ts';
import { readKeys, type StoredBackup } from './read.ts';

/** What to restore. */
export interface RestoreSelection {
  /** Kinds, or `undefined` for configuration of every kind. */
  readonly kinds: ReadonlySet<string> | undefined;
  /** Also what running pods live from: workload endpoints and IPAM. For an empty cluster. */
  readonly running: boolean;
  /** Delete selected keys that the backup does not have. */
  readonly prune: boolean;
}

/** One step of a plan. */
export type RestoreStep =
  | {
      readonly op: 'create' | 'update';
      readonly key: string;
      readonly value: Buffer;
      readonly modRevision: string;
    }
  | { readonly op: 'delete'; readonly key: string; readonly modRevision: string };

/** What a restore would do. */
export interface RestorePlan {
  readonly steps: readonly RestoreStep[];
  readonly unchanged: number;
  /** Keys that a restore never touches: status, leases, and what pods live from unless asked for. */
  readonly leftOut: number;
  /** The newest change in the store that the plan would undo. */
  readonly newestChange: string;
}

/** Compares a backup with the store. */
export async function planRestore(
  backup: StoredBackup,
  kv: KvStore,
  selection: RestoreSelection,
): Promise<RestorePlan> {
  const current = new Map<string, { readonly value: Uint8Array; readonly modRevision: string }>();
  let from = '/calico/';
  for (;;) {
    const result = await kv.range({ key: from, end: '/calico0', limit: 1000 });
    for (const pair of result.pairs) current.set(pair.key, pair);
    const last = result.pairs.at(-1);
    if (!result.more || !last) break;
    from = `${last.key}\0`;
  }
  const steps: RestoreStep[] = [];
  let unchanged = 0;
  let leftOut = 0;
  for await (const { key, value, leased } of readKeys(backup)) {
    const now = current.get(key);
    current.delete(key);
    if (leased || !isSelected(key, selection)) leftOut++;
    else if (!now) steps.push({ op: 'create', key, value, modRevision: '0' });
    else if (value.equals(now.value)) unchanged++;
    else steps.push({ op: 'update', key, value, modRevision: now.modRevision });
  }
  if (selection.prune) {
    for (const [key, { modRevision }] of current) {
      if (isSelected(key, selection)) steps.push({ op: 'delete', key, modRevision });
    }
  }
  const newest = steps.reduce(
    (most, step) => (BigInt(step.modRevision) > most ? BigInt(step.modRevision) : most),
    0n,
  );
  return { steps, unchanged, leftOut, newestChange: String(newest) };
}

/**
 * Refuses to undo changes made after the backup, unless forced.
 * @throws CalicoError CONFLICT
 */
export function refuseOlder(backup: StoredBackup, plan: RestorePlan, clusterId: string): void {
  if (backup.manifest.clusterId !== clusterId) return;
  const newer = plan.steps.filter(
    (step) => step.op !== 'create' && BigInt(step.modRevision) > BigInt(backup.manifest.revision),
  );
  if (newer.length === 0) return;
  throw new CalicoError(
    'CONFLICT',
    `${newer.length} keys were changed after this backup was made, ${newer[0]!.key} among them`,
    {
      cure: 'Look at the plan (--dry-run), then use --force to undo those changes.',
    },
  );
}

/** Carries a plan out, each step only if its key is still as the plan saw it. Returns the keys that were not. */
export async function applyRestore(
  plan: RestorePlan,
  kv: KvStore,
  onProgress?: (done: number) => void,
): Promise<readonly string[]> {
  const conflicts: string[] = [];
  // Several steps in one transaction: a restore of 100,000 keys must not take as many round trips.
  const batch = 50;
  for (let start = 0; start < plan.steps.length; start += batch) {
    const steps = plan.steps.slice(start, start + batch);
    if (!(await write(kv, steps))) {
      for (const step of steps) if (!(await write(kv, [step]))) conflicts.push(step.key);
    }
    onProgress?.(Math.min(start + batch, plan.steps.length));
  }
  return conflicts;
}

async function write(kv: KvStore, steps: readonly RestoreStep[]): Promise<boolean> {
  const result = await kv.txn({
    compare: steps.map(({ key, modRevision }) => ({ key, modRevision })),
    success: steps.map((step) =>
      step.op === 'delete'
        ? { op: 'delete', key: step.key }
        : { op: 'put', key: step.key, value: step.value },
    ),
    failure: [],
  });
  return result.succeeded;
}

function isSelected(key: string, { kinds, running }: RestoreSelection): boolean {
  if (key.startsWith('/calico/felix/')) return false;
  if (key.startsWith('/calico/ipam/')) return running && (kinds === undefined || kinds.has('IPAM'));
  const kind = parseResourcePath(key)?.kind;
  if (kind === undefined) return running && kinds === undefined;
  if (kind === 'WorkloadEndpoint' && !running) return false;
  return kinds === undefined || kinds.has(kind);
}
