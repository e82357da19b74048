/**
 * Make before break: a session with a host of the cluster that nobody asks for any more stays for a while, because
 * those that take its place, here or at the far end, are still being set up. Pure but for its memory.
 */
import type { BgpProtocol, BirdConfig, BirdFunction, Statement } from './ast.ts';

interface Ending {
  readonly protocol: BgpProtocol;
  readonly functions: readonly BirdFunction[];
  readonly localAS: number;
  readonly until: number;
}

/** See the file's comment. */
export class SessionOverlap {
  readonly #milliseconds: number;
  #previous: BirdConfig | undefined;
  readonly #ending = new Map<string, Ending>();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /**
   * The configuration with the sessions that are to end later, unchanged so that BIRD leaves them alone, and when the
   * next of them ends. `keep` says which may stay; those of whose address another session takes hold never do.
   */
  extend(
    wanted: BirdConfig,
    keep: (protocol: BgpProtocol) => boolean,
    now: number,
  ): { readonly config: BirdConfig; readonly next: number | undefined } {
    const names = new Set(wanted.protocols.map(({ name }) => name));
    const neighbors = new Set(wanted.protocols.map(({ neighbor }) => neighbor));
    const { localAS } = wanted.template;
    const previous = this.#previous;
    for (const protocol of previous?.protocols ?? []) {
      if (names.has(protocol.name) || this.#ending.has(protocol.name)) continue;
      const called = new Set([...protocol.import, ...protocol.export].flatMap(calledName));
      this.#ending.set(protocol.name, {
        protocol,
        functions: previous!.functions.filter(({ name }) => called.has(name)),
        localAS: previous!.template.localAS,
        until: now + this.#milliseconds,
      });
    }
    this.#previous = wanted;
    for (const [name, one] of this.#ending) {
      const { protocol } = one;
      const over = one.until <= now || one.localAS !== localAS || neighbors.has(protocol.neighbor);
      if (over || !keep(protocol)) this.#ending.delete(name);
    }
    if (this.#ending.size === 0) return { config: wanted, next: undefined };
    const ending = [...this.#ending.values()];
    const functions = new Map(ending.flatMap((one) => one.functions).map((one) => [one.name, one]));
    for (const one of wanted.functions) functions.set(one.name, one);
    const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
    return {
      config: {
        ...wanted,
        functions: [...functions.values()].sort(byName),
        protocols: [...wanted.protocols, ...ending.map(({ protocol }) => protocol)].sort(byName),
      },
      next: Math.min(...ending.map(({ until }) => until)),
    };
  }
}

function calledName(statement: Statement): readonly string[] {
  if (statement.kind === 'call') return [statement.name];
  return statement.kind === 'if' ? statement.body.flatMap(calledName) : [];
}
