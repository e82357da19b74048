/**
 * Removal of host interfaces without waiting for the kernel's last grace periods. The kernel tells of a link's end
 * (RTM_DELLINK) when its name, addresses and routes are gone and no packet passes any more; its acknowledgement comes
 * only when the memory is free, 10 to 20 ms later. What comes together while a removal is under way goes in one request,
 * as a link group: twenty pods at once cost the grace periods of one.
 */
import { randomInt } from 'node:crypto';
import { interfaceIndex, isKernelError, RtNetlink, watchNetwork } from '../../linux/index.ts';

/** Groups of other programs are small numbers; a random one of these is nobody's. */
const firstGroup = 0x10_00_00_00;
const lastGroup = 0x7f_ff_ff_ff;

interface Waiting {
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the file's comment. */
class LinkRemoval {
  #queue: Waiting[] = [];
  /** By interface index: who waits for its end. */
  readonly #waiting = new Map<number, Waiting[]>();
  #running = false;
  /** Requests that the kernel has not acknowledged. */
  #unacknowledged = 0;
  #stopWatching: (() => void) | undefined;
  #onProgress: () => void = () => {};

  /** Resolves when no interface of the host has the name; one that is missing is fine. */
  remove(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ name, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Calls of this tick come together before the first is sent.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const progress = new Promise<void>((resolve) => {
        this.#onProgress = resolve;
      });
      this.#start(this.#queue.splice(0));
      if (this.#waiting.size > 0) await progress;
    }
    this.#running = false;
  }

  #start(batch: readonly Waiting[]): void {
    const indexes = new Set<number>();
    for (const waiting of batch) {
      const index = interfaceIndex(waiting.name);
      if (index === undefined) waiting.resolve();
      else {
        indexes.add(index);
        this.#waiting.set(index, [...(this.#waiting.get(index) ?? []), waiting]);
      }
    }
    if (indexes.size > 0) void this.#request([...indexes]);
  }

  /** Ends when the kernel acknowledges; the callers have mostly gone on before. */
  async #request(indexes: readonly number[]): Promise<void> {
    this.#unacknowledged++;
    this.#stopWatching ??= watchNetwork({
      onEvent: (event) => {
        if (event.type === 'link' && event.gone) this.#settle(event.link.index, ({ resolve }) => resolve());
      },
      // A lost event only means that the acknowledgement is waited for.
      onOverrun: () => {},
    });
    const net = new RtNetlink();
    let settle: (waiting: Waiting) => void = ({ resolve }) => resolve();
    try {
      await deleteTogether(net, indexes);
    } catch (error) {
      settle = ({ reject }) => reject(error);
    }
    net.close();
    for (const index of indexes) this.#settle(index, settle);
    if (--this.#unacknowledged > 0) return;
    this.#stopWatching();
    this.#stopWatching = undefined;
  }

  #settle(index: number, settle: (waiting: Waiting) => void): void {
    for (const waiting of this.#waiting.get(index) ?? []) settle(waiting);
    this.#waiting.delete(index);
    if (this.#waiting.size === 0) this.#onProgress();
  }
}

async function deleteTogether(net: RtNetlink, indexes: readonly number[]): Promise<void> {
  const [first] = indexes;
  if (first !== undefined && indexes.length === 1) {
    await net.deleteLinkAsync(first);
    return;
  }
  const group = randomInt(firstGroup, lastGroup);
  for (const index of indexes) {
    try {
      net.setLink(index, { group });
    } catch (error) {
      if (!isKernelError(error, 'ENODEV')) throw error;
    }
  }
  await net.deleteLinkGroupAsync(group);
}

const removal = new LinkRemoval();

/** Removes an interface of the host by name; resolves when it is gone with its routes. Missing is fine. */
export function removeHostLink(name: string): Promise<void> {
  return removal.remove(name);
}
