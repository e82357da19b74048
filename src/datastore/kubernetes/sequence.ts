/**
 * Several writes for a server that has no transactions. All conditions are read first; then the writes are made one
 * by one, each with a condition of its own, in the order that leaves the least behind: affinity, handle, block, then
 * what uses the address, deletions of handles and affinities last. A refusal takes back what was done. A process that
 * dies in between leaves a handle or an affinity without addresses, which garbage collection knows.
 */
import type { CallOptions, Datastore, Key, KeyValue, TxnResult, TxnStep } from '../port.ts';

type Write = Exclude<TxnStep, { readonly op: 'check' }>;
type Undo = () => Promise<unknown>;

/** Runs the steps; see the module's comment for what it promises. */
export async function runInSequence(
  store: Datastore,
  steps: readonly TxnStep[],
  options: CallOptions,
): Promise<TxnResult> {
  const current = await Promise.all(steps.map((step) => store.get(step.key, options)));
  if (!steps.every((step, i) => holds(step, current[i]))) return { ok: false, current };
  const written: (KeyValue | undefined)[] = steps.map(() => undefined);
  const undo: Undo[] = [];
  const ordered = steps
    .map((step, i) => ({ step, i }))
    .filter((entry): entry is { step: Write; i: number } => entry.step.op !== 'check')
    .sort((a, b) => rank(a.step) - rank(b.step));
  let revision = '0';
  for (const { step, i } of ordered) {
    const result = await write(store, step, options);
    if (!result.ok) {
      for (const back of undo.reverse()) await back();
      return { ok: false, current: await Promise.all(steps.map(({ key }) => store.get(key, options))) };
    }
    const { kv } = result;
    if (step.op !== 'delete') {
      written[i] = kv;
      revision = kv.revision;
    }
    const before = current[i];
    undo.push(() => {
      if (step.op === 'create') return store.delete(step.key, { ...options, revision: kv.revision });
      if (step.op === 'delete') return store.create(step.key, kv.value, options);
      return store.update(step.key, before!.value, { ...options, revision: kv.revision });
    });
  }
  return { ok: true, written, revision };
}

function holds(step: TxnStep, current: KeyValue | undefined): boolean {
  if (step.op === 'create') return current === undefined;
  if (step.op === 'check' && step.revision === '0') return current === undefined;
  return current?.revision === step.revision;
}

function write(store: Datastore, step: Write, options: CallOptions) {
  if (step.op === 'create') return store.create(step.key, step.value, options);
  if (step.op === 'delete') return store.delete(step.key, { ...options, revision: step.revision });
  return store.update(step.key, step.value, { ...options, revision: step.revision });
}

const ranks: Readonly<Partial<Record<Key['type'], number>>> = { affinity: 0, handle: 1, block: 2 };

function rank(step: Write): number {
  const place = ranks[step.key.type] ?? 3;
  return step.op === 'delete' && place < 2 ? 9 - place : place;
}
