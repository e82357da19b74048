/**
 * Forgets the connections of addresses that left an interface.
 *
 * An address that only goes is dealt with in the background. One that moves, or comes back while that is under way, is
 * dealt with at once, before its new route is made, so that nothing of its new connections is lost.
 */
import { messageOf } from '../../errors.ts';
import { forgetFlows, forgetFlowsElsewhere, type Namespace } from '../../linux/index.ts';
import type { Log } from '../log.ts';

const attempts = 3;

/** See the file's comment. */
export class FlowForgetter {
  readonly #namespace: Namespace | undefined;
  readonly #log: Log;
  readonly #leaving = new Set<string>();
  #working: Promise<void> = Promise.resolve();

  constructor(namespace: Namespace | undefined, log: Log) {
    this.#namespace = namespace;
    this.#log = log;
  }

  /** Whether the connections of an address are still to be forgotten. */
  isLeaving(address: string): boolean {
    return this.#leaving.has(address);
  }

  /** The address went: in the background. */
  leave(address: string): void {
    if (this.#leaving.has(address)) return;
    this.#leaving.add(address);
    this.#working = this.#working.then(() => this.#work(address));
  }

  /** The address goes elsewhere: now. */
  move(address: string): void {
    this.#leaving.delete(address);
    try {
      forgetFlows(address, this.#namespace);
    } catch (error) {
      this.#complain(address, error);
    }
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    return this.#working;
  }

  async #work(address: string): Promise<void> {
    for (let attempt = 1; this.#leaving.has(address); attempt++) {
      try {
        await forgetFlowsElsewhere(address, () => this.#leaving.has(address), this.#namespace);
        this.#leaving.delete(address);
      } catch (error) {
        if (attempt < attempts) continue;
        this.#leaving.delete(address);
        this.#complain(address, error);
      }
    }
  }

  #complain(address: string, error: unknown): void {
    this.#log.warn('cannot forget the connections of an address', { address, reason: messageOf(error) });
  }
}
