/**
 * Forgets the connections of addresses that left an interface.
 *
 * An address that only goes is dealt with in the background. One that moves, or comes back while that is under way, is
 * dealt with at once, before its new route is made, so that nothing of its new connections is lost.
 */
import { messageOf } from '../../errors.ts';
import { forgetFlows, forgetFlowsElsewhere, type Namespace, readSysctl } from '../../linux/index.ts';
import type { Log } from '../log.ts';
import { inHost } from './host-sysctls.ts';

const attempts = 3;

/** See the file's comment. */
export class FlowForgetter {
  readonly #namespace: Namespace | undefined;
  readonly #log: Log;
  readonly #leaving = new Set<string>();
  #working: Promise<void> = Promise.resolve();
  #busy = false;

  constructor(namespace: Namespace | undefined, log: Log) {
    this.#namespace = namespace;
    this.#log = log;
  }

  /** Whether the connections of an address are still to be forgotten. */
  isLeaving(address: string): boolean {
    return this.#leaving.has(address);
  }

  /** The address went: in the background, together with others that go meanwhile. */
  leave(address: string): void {
    this.#leaving.add(address);
    if (this.#busy) return;
    this.#busy = true;
    this.#working = this.#work().finally(() => {
      this.#busy = false;
    });
  }

  /** The address goes elsewhere: now. */
  move(address: string): void {
    this.#leaving.delete(address);
    try {
      if (this.#anyTracked()) forgetFlows(address, this.#namespace);
    } catch (error) {
      this.#complain(address, error);
    }
  }

  /** Resolves when nothing is under way any more. */
  idle(): Promise<void> {
    return this.#working;
  }

  async #work(): Promise<void> {
    for (let attempt = 1; this.#leaving.size > 0; ) {
      const batch = new Set(this.#leaving);
      try {
        if (this.#anyTracked()) {
          await forgetFlowsElsewhere(batch, (address) => this.#leaving.has(address), this.#namespace);
        }
      } catch (error) {
        if (attempt++ < attempts) continue;
        this.#complain([...batch].join(' '), error);
      }
      for (const address of batch) this.#leaving.delete(address);
      attempt = 1;
    }
  }

  /** A walk through the table costs the kernel the same when it is empty. */
  #anyTracked(): boolean {
    return inHost(this.#namespace, () => readSysctl('net/netfilter/nf_conntrack_count')) !== '0';
  }

  #complain(address: string, error: unknown): void {
    this.#log.warn('cannot forget the connections of an address', { address, reason: messageOf(error) });
  }
}
