/** BGPFilters as functions; upstream: confd/pkg/resource/template/template_funcs.go. */
import { createHash } from 'node:crypto';
import { assertNever } from '../../errors.ts';
import type { IpVersion } from '../../ip/index.ts';
import { type BgpFilter, type Direction, type FilterRule, rulesOf } from '../model/filter.ts';
import type { BirdFunction, Condition, Statement } from './ast.ts';

/** Local preference that stands for a priority (a kernel metric): the lower the metric, the higher the preference. */
export function localPrefOfPriority(priority: number): number {
  return 2147483647 - priority;
}

/** Name of the function of a filter: symbols end at 64 characters, so a long name is cut and told apart by its hash. */
export function filterFunctionName(filter: string, direction: Direction, version: IpVersion): string {
  const short =
    filter.length <= 45
      ? filter
      : `${filter.slice(0, 28)}_${createHash('sha256').update(filter).digest('hex').slice(0, 16).toUpperCase()}`;
  return `bgp_${short}_${direction}FilterV${version}`;
}

/** The function of a filter; `undefined` without rules for that direction and family. */
export function filterFunction(
  filter: BgpFilter,
  direction: Direction,
  version: IpVersion,
): BirdFunction | undefined {
  const rules = rulesOf(filter, direction, version);
  if (rules.length === 0) return undefined;
  return {
    name: filterFunctionName(filter.name, direction, version),
    takesSameAs: rules.some((rule) => rule.peerType !== undefined),
    body: rules.flatMap(statementsOf),
  };
}

const operators = { Equal: '=', NotEqual: '!=', In: '~', NotIn: '!~' } as const;

function statementsOf(rule: FilterRule): readonly Statement[] {
  const all: Condition[] = [];
  if (rule.peerType === 'iBGP') all.push({ kind: 'same-as' });
  if (rule.peerType === 'eBGP') all.push({ kind: 'not', condition: { kind: 'same-as' } });
  if (rule.net) all.push(netCondition(rule.net));
  if (rule.remotePeers) all.push({ kind: 'source', is: 'bgp' });
  if (rule.interface !== undefined) all.push({ kind: 'interface', pattern: rule.interface });
  if (rule.community) all.push({ kind: 'community', community: rule.community });
  if (rule.asPathPrefix) all.push({ kind: 'as-path-prefix', path: rule.asPathPrefix });
  if (rule.priority !== undefined)
    all.push({ kind: 'local-pref', value: localPrefOfPriority(rule.priority) });
  const body: Statement[] = [...(rule.action === 'accept' ? operations(rule) : []), { kind: rule.action }];
  return all.length > 0 ? [{ kind: 'if', all, body }] : body;
}

/** With a prefix length, `Equal` never holds and `NotEqual` always does, as in upstream's BIRD. */
function netCondition(net: NonNullable<FilterRule['net']>): Condition {
  return {
    kind: 'net',
    operator: operators[net.operator],
    cidr: net.cidr,
    ...(net.length && { length: net.length }),
  };
}

function operations(rule: FilterRule): readonly Statement[] {
  return rule.operations.flatMap((operation): readonly Statement[] => {
    switch (operation.kind) {
      case 'add-community':
        return [{ kind: 'add-community', community: operation.community }];
      case 'prepend':
        // Prepending one by one turns the order round.
        return [...operation.path].reverse().map((asNumber) => ({ kind: 'prepend', asNumber }));
      case 'set-priority':
        return [{ kind: 'set-local-pref', value: localPrefOfPriority(operation.value) }];
      default:
        return assertNever(operation);
    }
  });
}
