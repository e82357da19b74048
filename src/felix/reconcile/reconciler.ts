/**
 * Keeps one kind of kernel object as desired: the generic reconciler behind routes, neighbours, devices and settings.
 *
 * It holds what is desired and what it believes the kernel has. {@link Reconciler.apply} writes the difference of the
 * objects that changed; {@link Reconciler.resync} reads the kernel, corrects the belief, and repairs whatever somebody
 * else changed. Nothing is read, written or swept before the first resync, which the agent asks for once in sync: a
 * restart without memory recognises its own objects (the driver's `read` returns only those) and removes the stray ones
 * then. An object that fails is tried again with a growing pause, and never holds up the others.
 */
import { type DriftReport, noDrift } from '../dataplane.ts';

/** A change of one object. `previous` is what the kernel is believed to have. */
export type ObjectChange<V> =
  | { readonly op: 'set'; readonly key: string; readonly value: V; readonly previous?: V }
  | { readonly op: 'delete'; readonly key: string; readonly previous: V };

/** Access to one kind of kernel object. */
export interface ObjectDriver<V> {
  /** What the objects are called in the log: `IPv4 route`. */
  readonly noun: string;
  /** The objects in the kernel that are ours or stand where ours belong. */
  read(): ReadonlyMap<string, V>;
  /** Whether the kernel's object is as desired. */
  equal(desired: V, actual: V): boolean;
  /** Writes changes, in order; the failures by key. */
  apply(changes: readonly ObjectChange<V>[]): ReadonlyMap<string, Error>;
  /** The object in a person's words. */
  describe(key: string, value: V): string;
}

/** Outcome of an apply. */
export interface ApplyOutcome {
  readonly written: number;
  readonly failed: ReadonlyMap<string, Error>;
  /** When the first failed object is due again (the clock's milliseconds). */
  readonly retryAt?: number;
}

interface Failure {
  readonly error: Error;
  readonly attempts: number;
  readonly retryAt: number;
}

const firstPause = 100;
const longestPause = 10_000;

/** Objects written in one go before others get a turn. */
const chunk = 2048;

/** See the file's comment. */
export class Reconciler<V> {
  readonly #driver: ObjectDriver<V>;
  readonly #desired = new Map<string, V>();
  #known = new Map<string, V>();
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #started = false;

  constructor(driver: ObjectDriver<V>) {
    this.#driver = driver;
  }

  get noun(): string {
    return this.#driver.noun;
  }

  /** What is desired. */
  get desired(): ReadonlyMap<string, V> {
    return this.#desired;
  }

  /** Objects that cannot be made at the moment, with the reason. */
  get failures(): ReadonlyMap<string, { readonly error: Error }> {
    return this.#failures;
  }

  /** Whether the object is believed to be in the kernel as desired. */
  isProgrammed(key: string): boolean {
    const wanted = this.#desired.get(key);
    const known = this.#known.get(key);
    return wanted !== undefined && known !== undefined && this.#driver.equal(wanted, known);
  }

  /** Desires an object; `undefined` desires that there be none. */
  want(key: string, value: V | undefined): void {
    const before = this.#desired.get(key);
    if (value === undefined) {
      if (!this.#desired.delete(key)) return;
    } else {
      if (before !== undefined && this.#driver.equal(value, before) && !this.#failures.has(key)) return;
      this.#desired.set(key, value);
    }
    this.#failures.delete(key);
    this.#dirty.add(key);
  }

  /** Drops the belief about an object: the kernel may have removed it without a word (an interface went down). */
  doubt(key: string): void {
    this.#known.delete(key);
    if (this.#desired.has(key)) this.#dirty.add(key);
  }

  /**
   * Takes note of an event. True when it contradicts what is desired, so that a resync is due; an echo of our own
   * writing does not.
   */
  contradicts(key: string, actual: V | undefined): boolean {
    if (!this.#started || this.#dirty.has(key)) return false;
    const wanted = this.#desired.get(key);
    if (wanted === undefined) return actual !== undefined;
    return actual === undefined || !this.#driver.equal(wanted, actual);
  }

  /** Whether an apply would have something to do now. */
  isDue(now: number): boolean {
    if (!this.#started || this.#dirty.size > 0) return true;
    for (const failure of this.#failures.values()) if (failure.retryAt <= now) return true;
    return false;
  }

  /** Writes what changed since the last time, and what is due again. The first call resyncs. */
  async apply(now: number): Promise<ApplyOutcome> {
    if (!this.#started) {
      this.#started = true;
      this.#compare();
    }
    for (const [key, failure] of this.#failures) if (failure.retryAt <= now) this.#dirty.add(key);
    const changes = this.#plan();
    const failed = new Map<string, Error>();
    for (let start = 0; start < changes.length; start += chunk) {
      if (start > 0) await new Promise((resolve) => setImmediate(resolve));
      const part = changes.slice(start, start + chunk);
      const errors = this.#driver.apply(part);
      for (const change of part) this.#settle(change, errors.get(change.key), now, failed);
    }
    const due = [...this.#failures.values()].map((failure) => failure.retryAt);
    return {
      written: changes.length - failed.size,
      failed,
      ...(due.length === 0 ? {} : { retryAt: Math.min(...due) }),
    };
  }

  /** Reads the kernel, repairs, and tells what had been changed behind our back. */
  async resync(now: number): Promise<DriftReport> {
    if (!this.#started) {
      await this.apply(now);
      return noDrift;
    }
    const drift = this.#compare();
    await this.apply(now);
    return drift;
  }

  /** Replaces belief by what the kernel has, and marks every difference. */
  #compare(): DriftReport {
    const actual = this.#driver.read();
    const drift = { missing: [] as string[], different: [] as string[], stray: [] as string[] };
    for (const [key, wanted] of this.#desired) {
      const found = actual.get(key);
      if (found !== undefined && this.#driver.equal(wanted, found)) continue;
      // What we had not made, or could not, is no drift.
      if (this.isProgrammed(key) && !this.#dirty.has(key)) {
        (found === undefined ? drift.missing : drift.different).push(this.#driver.describe(key, wanted));
      }
      this.#dirty.add(key);
    }
    for (const [key, found] of actual) {
      if (this.#desired.has(key)) continue;
      if (!this.#known.has(key)) drift.stray.push(this.#driver.describe(key, found));
      this.#dirty.add(key);
    }
    this.#known = new Map(actual);
    return drift;
  }

  #plan(): ObjectChange<V>[] {
    const deletes: ObjectChange<V>[] = [];
    const sets: ObjectChange<V>[] = [];
    for (const key of this.#dirty) {
      const value = this.#desired.get(key);
      const previous = this.#known.get(key);
      if (value === undefined) {
        if (previous !== undefined) deletes.push({ op: 'delete', key, previous });
      } else if (previous === undefined || !this.#driver.equal(value, previous)) {
        sets.push({ op: 'set', key, value, ...(previous === undefined ? {} : { previous }) });
      } else {
        this.#failures.delete(key);
      }
    }
    this.#dirty.clear();
    return [...deletes, ...sets];
  }

  #settle(change: ObjectChange<V>, error: Error | undefined, now: number, failed: Map<string, Error>): void {
    if (!error) {
      this.#failures.delete(change.key);
      if (change.op === 'set') this.#known.set(change.key, change.value);
      else this.#known.delete(change.key);
      return;
    }
    const attempts = (this.#failures.get(change.key)?.attempts ?? 0) + 1;
    const pause = Math.min(longestPause, firstPause * 2 ** (attempts - 1));
    this.#failures.set(change.key, { error, attempts, retryAt: now + pause });
    failed.set(change.key, error);
  }
}
