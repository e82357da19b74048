/**
 * The queue of an allocator's writes. One is under way at a time; what has gathered meanwhile and touches only what is
 * known goes into one transaction together, so that twenty pods at once cost little more than one.
 */
import type { TxnResult, TxnStep } from '../datastore/index.ts';
import { pathOfKey } from '../datastore/index.ts';
import { type Block, nextWrite } from './block.ts';
import { blockStep, type Stored } from './core.ts';

/** Blocks as they are known, with the changes of earlier members of the group. */
export type BlockView = (text: string) => Stored<Block> | undefined;

/** What a member of a group wants written. */
export interface Plan<T> {
  /** Blocks after the change, not yet counted as a write; all were in the view. */
  readonly blocks: readonly Block[];
  readonly steps: readonly TxnStep[];
  readonly result: T;
}

/** A write that may share a transaction. */
export interface GroupMember<T> {
  /** Plans from the view alone, without I/O; `undefined` when that is not enough. */
  plan(view: BlockView): Plan<T> | undefined;
  /** Does it in a transaction of its own. `lost`: the plan was sent, its outcome is unknown. */
  alone(lost: Plan<T> | undefined): Promise<T>;
}

interface Entry {
  readonly member: GroupMember<unknown> | undefined;
  readonly alone: (lost: Plan<unknown> | undefined) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Steps per shared transaction: etcd takes 128 operations. */
const most = 110;

/** See above. */
export class WriteQueue {
  readonly #view: BlockView;
  readonly #commit: (steps: readonly TxnStep[]) => Promise<TxnResult & { readonly unknown?: boolean }>;
  readonly #entries: Entry[] = [];
  #running = false;

  constructor(
    view: BlockView,
    commit: (steps: readonly TxnStep[]) => Promise<TxnResult & { readonly unknown?: boolean }>,
  ) {
    this.#view = view;
    this.#commit = commit;
  }

  /** Runs the work when all before it is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#add(undefined, work);
  }

  /** Runs the member in a group, or alone. */
  grouped<T>(member: GroupMember<T>): Promise<T> {
    return this.#add(member, (lost) => member.alone(lost));
  }

  #add<T>(member: GroupMember<T> | undefined, alone: (lost: Plan<T> | undefined) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#entries.push({
        member: member as GroupMember<unknown> | undefined,
        alone: alone as Entry['alone'],
        resolve: resolve as Entry['resolve'],
        reject,
      });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Requests of this tick come together before the first is sent.
    await Promise.resolve();
    while (this.#entries.length > 0) {
      if (this.#entries[0]!.member) await this.#runGroup();
      else await finish(this.#entries.shift()!, undefined);
    }
    this.#running = false;
  }

  async #runGroup(): Promise<void> {
    const changed = new Map<string, Stored<Block>>();
    const steps = new Map<string, TxnStep>();
    const planned: { readonly entry: Entry; readonly plan: Plan<unknown> }[] = [];
    const others: Entry[] = [];
    const view: BlockView = (text) => changed.get(text) ?? this.#view(text);
    while (this.#entries[0]?.member && steps.size + changed.size < most - 10) {
      const entry = this.#entries.shift()!;
      const plan = attempt(() => entry.member!.plan(view));
      if (!plan || !merge(steps, plan.steps)) {
        others.push(entry);
        continue;
      }
      for (const block of plan.blocks)
        changed.set(block.text, { value: block, revision: view(block.text)!.revision });
      planned.push({ entry, plan });
    }
    let lost = false;
    if (planned.length > 0) {
      const blocks = [...changed.values()].map(({ value, revision }) =>
        blockStep(nextWrite(value), revision),
      );
      try {
        const outcome = await this.#commit([...blocks, ...steps.values()]);
        if (outcome.ok) {
          for (const { entry, plan } of planned) entry.resolve(plan.result);
          planned.length = 0;
        } else lost = outcome.unknown ?? false;
      } catch (error) {
        for (const { entry } of planned) entry.reject(error);
        planned.length = 0;
      }
    }
    for (const { entry, plan } of planned) await finish(entry, lost ? plan : undefined);
    for (const entry of others) await finish(entry, undefined);
  }
}

async function finish(entry: Entry, lost: Plan<unknown> | undefined): Promise<void> {
  try {
    entry.resolve(await entry.alone(lost));
  } catch (error) {
    entry.reject(error);
  }
}

/** A plan that throws is no plan: the member then fails alone, in its own name. */
function attempt<T>(plan: () => T): T | undefined {
  try {
    return plan();
  } catch {
    return undefined;
  }
}

/** Adds steps unless one touches a key in another way; equal checks are one. */
function merge(steps: Map<string, TxnStep>, more: readonly TxnStep[]): boolean {
  const clash = more.some((step) => {
    const there = steps.get(pathOfKey(step.key));
    if (!there) return false;
    return !(there.op === 'check' && step.op === 'check' && there.revision === step.revision);
  });
  if (clash) return false;
  for (const step of more) steps.set(pathOfKey(step.key), step);
  return true;
}
