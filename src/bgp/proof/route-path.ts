/** By which speakers a route travels. */
import type { ReachabilityModel } from './model.ts';
import { linksOf, routeOf } from './propagate.ts';

/**
 * For questions about many pairs of one model: the speakers between `origin`, whose blocks are announced, and
 * `receiver`, both included, by the fewest sessions; undefined if the route never arrives.
 */
export function routePaths(
  model: ReachabilityModel,
): (origin: string, receiver: string) => readonly string[] | undefined {
  const links = linksOf(model, model.sessions);
  return (origin, receiver) => routeOf(links, origin, receiver);
}
