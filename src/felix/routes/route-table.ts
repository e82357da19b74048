/**
 * Who wants a route to where, and which of them gets it. Pure.
 *
 * Several sources may want the same destination (a local endpoint, a tunnel, a blackhole for the block). The lowest
 * class wins, then the highest interface index; a route whose interface is absent or down does not count.
 * Upstream: felix/routetable.
 */
import { type NextHop, type Route, scope, table } from '../../linux/index.ts';

/** Classes of routes, best first. */
export const routeClass = {
  localWorkload: 0,
  vxlanSameSubnet: 3,
  vxlanTunnel: 4,
  ipipSameSubnet: 5,
  ipipTunnel: 6,
  noEncap: 7,
  blackhole: 8,
} as const;

/** One wish for a route. */
export interface RouteWish {
  readonly dst: string;
  readonly class: (typeof routeClass)[keyof typeof routeClass];
  readonly protocol: number;
  readonly priority: number;
  /** Interface name; absent for a blackhole. */
  readonly device?: string;
  readonly gateway?: string;
  readonly onlink?: boolean;
  readonly source?: string;
}

/** An interface as far as routes care. */
export interface RouteDevice {
  readonly index: number;
  readonly up: boolean;
}

/** See the file's comment. `onWinner` hears of each destination whose route changed. */
export class RouteTable {
  readonly #wishes = new Map<string, Map<string, RouteWish>>();
  readonly #bySource = new Map<string, readonly string[]>();
  readonly #byDevice = new Map<string, Set<string>>();
  readonly #device: (name: string) => RouteDevice | undefined;
  readonly #onWinner: (dst: string, route: Route | undefined) => void;

  constructor(
    device: (name: string) => RouteDevice | undefined,
    onWinner: (dst: string, route: Route | undefined) => void,
  ) {
    this.#device = device;
    this.#onWinner = onWinner;
  }

  /** Replaces all wishes of a source; an empty list withdraws them. */
  want(source: string, wishes: readonly RouteWish[]): void {
    const before = this.#bySource.get(source) ?? [];
    const touched = new Set(before);
    for (const dst of before) this.#remove(dst, source);
    for (const wish of wishes) {
      touched.add(wish.dst);
      let byDst = this.#wishes.get(wish.dst);
      if (!byDst) {
        byDst = new Map();
        this.#wishes.set(wish.dst, byDst);
      }
      byDst.set(source, wish);
      if (wish.device !== undefined) {
        const destinations = this.#byDevice.get(wish.device) ?? new Set();
        this.#byDevice.set(wish.device, destinations.add(wish.dst));
      }
    }
    if (wishes.length === 0) this.#bySource.delete(source);
    else
      this.#bySource.set(
        source,
        wishes.map((wish) => wish.dst),
      );
    for (const dst of touched) this.#onWinner(dst, this.#winner(dst));
  }

  /** Number of interfaces that somebody wants a route through. */
  get deviceCount(): number {
    return this.#byDevice.size;
  }

  /** Destinations of an interface, to be looked at again because it changed. */
  deviceChanged(name: string): readonly string[] {
    const destinations = [...(this.#byDevice.get(name) ?? [])];
    for (const dst of destinations) this.#onWinner(dst, this.#winner(dst));
    return destinations;
  }

  #remove(dst: string, source: string): void {
    const byDst = this.#wishes.get(dst);
    const wish = byDst?.get(source);
    if (!byDst || !wish) return;
    byDst.delete(source);
    if (byDst.size === 0) this.#wishes.delete(dst);
    const { device } = wish;
    if (device === undefined || [...byDst.values()].some((other) => other.device === device)) return;
    const destinations = this.#byDevice.get(device);
    destinations?.delete(dst);
    if (destinations?.size === 0) this.#byDevice.delete(device);
  }

  #winner(dst: string): Route | undefined {
    let best: { readonly wish: RouteWish; readonly index: number } | undefined;
    for (const wish of this.#wishes.get(dst)?.values() ?? []) {
      const device = wish.device === undefined ? undefined : this.#device(wish.device);
      if (wish.device !== undefined && !device?.up) continue;
      const index = device?.index ?? 0;
      if (!best || wish.class < best.wish.class || (wish.class === best.wish.class && index > best.index)) {
        best = { wish, index };
      }
    }
    return best && toRoute(best.wish, best.index);
  }
}

/** The kernel's route for a wish. */
export function toRoute(wish: RouteWish, index: number): Route {
  const six = wish.dst.includes(':');
  const hop: NextHop = {
    oif: index,
    ...(wish.gateway === undefined ? {} : { gateway: wish.gateway }),
    ...(wish.onlink ? { onlink: true } : {}),
  };
  return {
    dst: wish.dst,
    kind: wish.device === undefined ? 'blackhole' : 'unicast',
    table: table.main,
    protocol: wish.protocol,
    scope: six || wish.gateway !== undefined || wish.device === undefined ? scope.global : scope.link,
    priority: wish.priority,
    ...(wish.source === undefined ? {} : { source: wish.source }),
    hops: wish.device === undefined ? [] : [hop],
  };
}
