/**
 * Routes that another BIRD left behind. Upstream's writes its own metrics and keeps its routes when it ends; ours never
 * touches them, those with metric 0 win over ours, and all of them outlive the block they lead to.
 */
import { cidrCovers, type IpVersion, parseCidr } from '../../ip/index.ts';
import type { Route, RouteSpec } from '../../linux/index.ts';

/** What is needed of the kernel. */
export interface KernelRoutes {
  routes(version: IpVersion): readonly Route[];
  deleteRoute(spec: RouteSpec): boolean;
}

/** RTPROT_BIRD and RT_TABLE_MAIN; as numbers, so that commands which never touch the kernel do not load its room. */
const birdProtocol = 12;
const mainTable = 254;

/** Metric of every route that our BIRD writes. */
const ownMetric = 32;

/**
 * Deletes such routes inside the pools where our BIRD has a route to the same destination, and with `all` the others,
 * too. The number of those that stay.
 */
export function removeLeftOverRoutes(kernel: KernelRoutes, pools: readonly string[], all: boolean): number {
  const ranges = pools.map(parseCidr);
  let left = 0;
  for (const version of [4, 6] as const) {
    const written = kernel
      .routes(version)
      .filter((route) => route.protocol === birdProtocol && route.table === mainTable);
    const own = new Set(written.filter((route) => route.priority === ownMetric).map(({ dst }) => dst));
    for (const route of written) {
      if (route.priority === ownMetric) continue;
      if (!ranges.some((range) => cidrCovers(range, parseCidr(route.dst)))) continue;
      if (all || own.has(route.dst)) kernel.deleteRoute({ ...route });
      else left++;
    }
  }
  return left;
}
