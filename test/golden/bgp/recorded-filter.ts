/** Runs a recorded filter on a route. */
import { matchesPattern } from '../../../src/bgp/bird/evaluate.ts';
import { cidrCovers, parseCidr } from '../../../src/ip/index.ts';
import type { RecordedCondition, RecordedFamily, RecordedStatement } from './recorded.ts';

/** A route with the attributes that recorded filters look at. */
export interface ProbeRoute {
  readonly net: string;
  readonly source: 'static' | 'kernel' | 'bgp';
  readonly interface?: string;
  readonly communities: readonly string[];
  readonly asPath: readonly number[];
  readonly localPref?: number;
  readonly metric?: number;
}

/** Verdict and route afterwards. */
export interface RecordedVerdict {
  readonly accepted: boolean;
  readonly route: ProbeRoute;
}

/** Evaluates a list of a family; `list` may refer to the family's export rules. */
export function runRecorded(
  family: RecordedFamily,
  list: readonly RecordedStatement[],
  route: ProbeRoute,
): RecordedVerdict {
  const run = { route };
  return { accepted: body(family, list, run) ?? false, route: run.route };
}

function body(
  family: RecordedFamily,
  list: readonly RecordedStatement[],
  run: { route: ProbeRoute },
): boolean | undefined {
  for (const one of list) {
    const verdict = statement(family, one, run);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function statement(
  family: RecordedFamily,
  one: RecordedStatement,
  run: { route: ProbeRoute },
): boolean | undefined {
  if (one === 'accept') return true;
  if (one === 'reject') return false;
  if ('if' in one) {
    return body(
      family,
      one.if.every((condition) => holds(condition, run.route)) ? one.do : (one.else ?? []),
      run,
    );
  }
  if ('of' in one) return body(family, family.calicoExport[one.of], run);
  if ('rules' in one) return body(family, one.rules, run);
  if ('addCommunity' in one) {
    if (!run.route.communities.includes(one.addCommunity))
      run.route = { ...run.route, communities: [...run.route.communities, one.addCommunity] };
  } else if ('prepend' in one) {
    run.route = { ...run.route, asPath: [...[one.prepend].flat(), ...run.route.asPath] };
  } else if (one.set === 'localPref' || one.set === 'metric') {
    run.route = { ...run.route, [one.set]: numberOf(one.to, run.route) };
  }
  return undefined;
}

function numberOf(to: unknown, route: ProbeRoute): number {
  if (typeof to === 'number') return to;
  const { number, minus } = to as { number: number; minus: 'localPref' | 'metric' };
  return number - (route[minus] ?? 0);
}

function holds(condition: RecordedCondition, route: ProbeRoute): boolean {
  if (condition.not) return !condition.not.every((one) => holds(one, route));
  if (condition.any) return condition.any.some((all) => all.every((one) => holds(one, route)));
  if (condition.known !== undefined) return route[condition.known as keyof ProbeRoute] !== undefined;
  if (condition.source !== undefined) return route.source === condition.source;
  if (condition.interface !== undefined)
    return route.interface !== undefined && matchesPattern(condition.interface, route.interface);
  if (condition.community !== undefined) return route.communities.includes(condition.community);
  if (condition.asPathPrefix)
    return condition.asPathPrefix.every((one, index) => route.asPath[index] === one);
  for (const field of ['localPref', 'metric'] as const) {
    const operator = condition[field];
    if (operator === undefined) continue;
    const [value, limit] = [route[field], Number(condition.value)];
    if (value === undefined) return false;
    return operator === 'equal' ? value === limit : operator === 'less' ? value < limit : value > limit;
  }
  if (condition.nextHop !== undefined) return true;
  const [cidr, net] = [parseCidr(condition.cidr!), parseCidr(route.net)];
  const inside =
    cidrCovers(cidr, net) &&
    (!condition.length || (net.prefix >= condition.length[0] && net.prefix <= condition.length[1]));
  const equal = !condition.length && cidrCovers(cidr, net) && net.prefix === cidr.prefix;
  switch (condition.net) {
    case 'in':
      return inside;
    case 'notIn':
      return !inside;
    case 'equal':
      return equal;
    default:
      return !equal;
  }
}
