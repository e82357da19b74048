/** Runs filters on a route without BIRD: what would it do, and what would the route look like afterwards? */
import { assertNever, CalicoError } from '../../errors.ts';
import { type Cidr, cidrCovers, parseCidr } from '../../ip/index.ts';
import { formatCommunity } from '../model/community.ts';
import type { BirdFunction, Condition, Statement } from './ast.ts';

/** A route as filters see it. */
export interface Route {
  readonly net: string;
  readonly source: 'static' | 'kernel' | 'bgp' | 'direct';
  readonly interface?: string;
  readonly unreachable?: boolean;
  readonly communities: readonly string[];
  readonly asPath: readonly number[];
  readonly localPref?: number;
}

/** What became of it. */
export interface Verdict {
  readonly accepted: boolean;
  readonly route: Route;
}

/** Evaluates a filter's body; a body that ends without a verdict rejects. */
export function evaluateFilter(
  body: readonly Statement[],
  route: Route,
  functions: ReadonlyMap<string, BirdFunction>,
): Verdict {
  const run = new Evaluation(route, functions);
  return { accepted: run.body(body, undefined) ?? false, route: run.route };
}

class Evaluation {
  route: Route;
  readonly #functions: ReadonlyMap<string, BirdFunction>;

  constructor(route: Route, functions: ReadonlyMap<string, BirdFunction>) {
    this.route = route;
    this.#functions = functions;
  }

  body(statements: readonly Statement[], sameAs: boolean | undefined): boolean | undefined {
    for (const statement of statements) {
      const verdict = this.#statement(statement, sameAs);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  #statement(statement: Statement, sameAs: boolean | undefined): boolean | undefined {
    switch (statement.kind) {
      case 'accept':
        return true;
      case 'reject':
        return false;
      case 'if':
        return statement.all.every((one) => holds(one, this.route, sameAs))
          ? this.body(statement.body, sameAs)
          : undefined;
      case 'call': {
        const target = this.#functions.get(statement.name);
        if (!target) throw new CalicoError('INTERNAL', `function ${statement.name} does not exist`);
        return this.body(target.body, statement.sameAs);
      }
      case 'add-community': {
        const text = formatCommunity(statement.community);
        if (!this.route.communities.includes(text))
          this.route = { ...this.route, communities: [...this.route.communities, text] };
        return undefined;
      }
      case 'prepend':
        this.route = { ...this.route, asPath: [statement.asNumber, ...this.route.asPath] };
        return undefined;
      case 'set-local-pref':
        this.route = { ...this.route, localPref: statement.value };
        return undefined;
      default:
        return assertNever(statement);
    }
  }
}

function holds(condition: Condition, route: Route, sameAs: boolean | undefined): boolean {
  switch (condition.kind) {
    case 'net':
      return compareNet(condition, parseCidr(route.net));
    case 'net-in':
      return condition.cidrs.some((cidr) => cidrCovers(parseCidr(cidr), parseCidr(route.net)));
    case 'source':
      return route.source === (condition.is === 'bgp' ? 'bgp' : 'direct');
    case 'unreachable':
      return route.unreachable === true;
    case 'interface':
      return route.interface !== undefined && matchesPattern(condition.pattern, route.interface);
    case 'community':
      return route.communities.includes(formatCommunity(condition.community));
    case 'as-path-prefix':
      return condition.path.every((asNumber, index) => route.asPath[index] === asNumber);
    case 'local-pref':
      return route.localPref === condition.value;
    case 'same-as':
      return sameAs === true;
    case 'not':
      return !holds(condition.condition, route, sameAs);
    default:
      return assertNever(condition);
  }
}

function compareNet(condition: Extract<Condition, { kind: 'net' }>, net: Cidr): boolean {
  const cidr = parseCidr(condition.cidr);
  const { length, operator } = condition;
  const inside =
    cidrCovers(cidr, net) && (length === undefined || (net.prefix >= length[0] && net.prefix <= length[1]));
  // A network never equals a set of networks: BIRD compares the two as different kinds of value.
  const equal = length === undefined && cidrCovers(cidr, net) && net.prefix === cidr.prefix;
  switch (operator) {
    case '=':
      return equal;
    case '!=':
      return !equal;
    case '~':
      return inside;
    case '!~':
      return !inside;
  }
}

/** Whether a name fits a pattern of `*` and `?`. */
export function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}
