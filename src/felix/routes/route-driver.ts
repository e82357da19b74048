/** Routes of the main table, as the reconciler sees them. One driver per IP version. */
import type { IpVersion } from '../../ip/index.ts';
import { isKernelError, type Route, type RouteChange, type RtNetlink, table } from '../../linux/index.ts';
import type { ObjectChange, ObjectDriver } from '../reconcile/index.ts';

/** Which routes of the kernel are ours. */
export type RouteOwnership = (route: Route) => boolean;

/** What happens to the connections of addresses whose route changes; called after an old route went. */
export interface LeavingAddresses {
  isLeaving(address: string): boolean;
  leave(address: string): void;
  /** Before the new route is made. */
  move(address: string): void;
}

interface RouteStep {
  readonly key: string;
  readonly change: RouteChange;
}

/** Makes the driver. Keys are `destination priority`, which identifies a route in a table. */
export function routeDriver(
  netlink: RtNetlink,
  version: IpVersion,
  isOurs: RouteOwnership,
  nameOf: (index: number) => string | undefined,
  leaving: LeavingAddresses,
): ObjectDriver<Route> {
  return {
    noun: `IPv${version} route`,
    read() {
      const routes = new Map<string, Route>();
      for (const route of netlink.routes(version, { table: table.main })) {
        if (isOurs(route)) routes.set(routeKey(route), route);
      }
      return routes;
    },
    equal: sameRoute,
    apply(changes) {
      const failed = new Map<string, Error>();
      const write = (steps: readonly RouteStep[]) => {
        for (const [index, error] of netlink.applyRoutes(steps.map((step) => step.change))) {
          const step = steps[index];
          if (!step) continue;
          if (step.change.op === 'delete' && isKernelError(error, 'ESRCH', 'ENOENT', 'ENODEV')) continue;
          failed.set(step.key, error);
        }
      };
      const first: RouteStep[] = [];
      const left: string[] = [];
      const moved: string[] = [];
      for (const change of changes) {
        const { key, previous } = change;
        const leaves = leavesInterface(change);
        const address = splitAddress((change.op === 'set' ? change.value : change.previous).dst);
        if (change.op === 'set' && (leaves || leaving.isLeaving(address))) moved.push(address);
        else if (leaves) left.push(address);
        // IPv6 replaces hop by hop, so the old route goes first there; an address that moves loses its flows between.
        if (previous && (change.op === 'delete' || leaves || version === 6)) {
          first.push({ key, change: { op: 'delete', route: previous } });
        }
      }
      write(first);
      for (const address of moved) leaving.move(address);
      for (const address of left) leaving.leave(address);
      write(
        changes.flatMap((change) =>
          change.op === 'set'
            ? [{ key: change.key, change: { op: 'replace' as const, route: change.value } }]
            : [],
        ),
      );
      return failed;
    },
    describe: (_key, route) => describeRoute(route, nameOf),
  };
}

/** Identity of a route within its table. */
export function routeKey(route: { readonly dst: string; readonly priority: number }): string {
  return route.priority === 0 ? route.dst : `${route.dst} ${route.priority}`;
}

/** Whether the kernel's route does what the desired one says. */
export function sameRoute(a: Route, b: Route): boolean {
  return (
    a.kind === b.kind &&
    a.protocol === b.protocol &&
    a.priority === b.priority &&
    a.source === b.source &&
    (a.kind !== 'unicast' || a.scope === b.scope) &&
    // The kernel shows `lo` as the interface of IPv6 blackholes.
    (a.kind !== 'unicast' ||
      (a.hops.length === b.hops.length &&
        a.hops.every((hop, i) => {
          const other = b.hops[i];
          return (
            hop.oif === other?.oif &&
            hop.gateway === other.gateway &&
            Boolean(hop.onlink) === Boolean(other.onlink)
          );
        })))
  );
}

/** A route as `ip route` would print it. */
export function describeRoute(route: Route, nameOf: (index: number) => string | undefined): string {
  const hops = route.hops.map((hop) => {
    const gateway = hop.gateway === undefined ? '' : ` via ${hop.gateway}`;
    return `${gateway} dev ${nameOf(hop.oif) ?? hop.oif}`;
  });
  return `${route.kind === 'unicast' ? '' : `${route.kind} `}${route.dst}${route.kind === 'unicast' ? hops.join('') : ''}`;
}

function splitAddress(dst: string): string {
  return dst.slice(0, dst.indexOf('/'));
}

/** A whole address that a local interface had and now has not. */
function leavesInterface(change: ObjectChange<Route>): boolean {
  const { previous } = change;
  if (previous?.kind !== 'unicast' || !/\/(32|128)$/.test(previous.dst)) return false;
  const before = previous.hops[0];
  if (before === undefined || before.gateway !== undefined) return false;
  return change.op === 'delete' || change.value.hops[0]?.oif !== before.oif;
}
