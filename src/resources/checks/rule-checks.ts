/** Checks of rules. */
import { tryParseCidr } from '../../ip/index.ts';
import { isSelector, parseSelector, usesGlobal } from '../../selector/index.ts';
import { goPrint } from '../go-print.ts';
import {
  type EntityRule,
  type HttpMatch,
  type IcmpFields,
  type PolicyRule,
  policyRule,
} from '../kinds/rule.ts';
import { protocolSupportsPorts } from '../numbers.ts';
import type { Problem } from '../problem.ts';
import type { Release, Schema } from '../schema.ts';

/** Upstream's reason for `global()` where it may not stand. */
export const globalMisplaced = 'global() can only be used in an EntityRule namespaceSelector';

/** Whether a selector text contains `global()`; unparsable text is refused elsewhere. */
export function containsGlobal(text: string | undefined): boolean {
  return text !== undefined && isSelector(text) && usesGlobal(parseSelector(text));
}

function fieldOf(name: 'icmp' | 'http'): Schema {
  return (policyRule as Extract<Schema, { type: 'struct' }>).fields[name]!.schema;
}

/** Checks of one rule as a whole. */
export function* ruleProblems(rule: PolicyRule, release: Release): Generator<Problem> {
  yield* portProblems(rule, release);
  const protocol = rule.protocol;
  if (rule.http && protocol !== undefined && protocol !== 'TCP' && protocol !== 6) {
    const reason = 'rules that specify HTTP fields must set protocol to TCP or empty';
    yield { field: 'Protocol', value: String(protocol), reason };
  }
  if (rule.icmp && protocol !== 'ICMP' && protocol !== 'ICMPv6') {
    const value = goPrint(fieldOf('icmp'), rule.icmp, release, { pointer: true });
    yield { field: 'ICMP', value, reason: 'rules that specify ICMP fields must set protocol to ICMP' };
  }
  for (const [name, version] of [
    ['ICMP', 4],
    ['ICMPv6', 6],
  ] as const) {
    const used = protocol === name || rule.notProtocol === name;
    if (!used || rule.ipVersion === undefined || rule.ipVersion === version) continue;
    const reason = `must set ipversion to '${version}' with protocol ${name.toLowerCase()}`;
    yield { field: 'IPVersion', value: '<nil>', reason };
  }
  yield* netProblems(rule, release);
  if (rule.action !== 'Allow' && rule.http) {
    const value = goPrint(fieldOf('http'), rule.http, release, { pointer: true });
    yield { field: 'HTTP', value, reason: 'only valid for Allow rules' };
  }
}

function* portProblems(rule: PolicyRule, release: Release): Generator<Problem> {
  if (rule.protocol !== undefined && protocolSupportsPorts(rule.protocol)) return;
  const sides = { Source: rule.source ?? {}, Destination: rule.destination ?? {} };
  const lenient = release === 'v3.32' && rule.protocol === undefined;
  const reason = lenient
    ? 'rules with numeric port or port range must set protocol to TCP or UDP or SCTP'
    : 'rules that specify ports must set protocol to TCP or UDP or SCTP';
  for (const [side, entity] of Object.entries(sides)) {
    for (const [field, ports] of [
      ['Ports', entity.ports ?? []],
      ['NotPorts', entity.notPorts ?? []],
    ] as const) {
      const numeric = ports.some((port) => typeof port === 'number' || /^\d+:\d+$/.test(port));
      if (ports.length > 0 && (numeric || !lenient)) {
        yield { field: `${side}.${field}`, value: `[${ports.join(' ')}]`, reason };
      }
    }
  }
}

function* netProblems(rule: PolicyRule, release: Release): Generator<Problem> {
  const seen = new Set<number>();
  for (const [field, nets] of [
    ['Source.Nets', rule.source?.nets],
    ['Source.NotNets', rule.source?.notNets],
    ['Destination.Nets', rule.destination?.nets],
    ['Destination.NotNets', rule.destination?.notNets],
  ] as const) {
    const versions = new Set<number>();
    for (const text of nets ?? []) {
      const cidr = text.includes('/') ? tryParseCidr(text) : undefined;
      if (!cidr) {
        yield { field, value: text, reason: 'invalid CIDR' };
        continue;
      }
      versions.add(cidr.version);
      if (cidr.prefix === 0 && field.endsWith('NotNets') && release === 'v3.32') {
        const reason = 'catch-all CIDR in negation creates logical contradiction (matches no traffic)';
        yield { field, value: text, reason };
      }
    }
    const value = `[${(nets ?? []).join(' ')}]`;
    if (rule.ipVersion !== undefined && [...versions].some((version) => version !== rule.ipVersion)) {
      yield { field, value, reason: "rule IP version doesn't match CIDR version" };
    }
    const all = new Set([...seen, ...versions]);
    if (versions.size > 0 && all.size > 1) {
      yield { field, value, reason: 'rule contains both IPv4 and IPv6 CIDRs' };
    }
    for (const version of versions) seen.add(version);
  }
}

/** Checks of a rule's source or destination. */
export function* entityRuleProblems(entity: EntityRule): Generator<Problem> {
  if (containsGlobal(entity.selector)) {
    yield { field: 'Selector field', value: entity.selector!, reason: globalMisplaced };
  }
  if (containsGlobal(entity.namespaceSelector) && parseSelector(entity.namespaceSelector!).op !== 'global') {
    const reason = 'global() cannot be combined with other selectors';
    yield { field: 'NamespaceSelector field', value: entity.namespaceSelector!, reason };
  }
  const { services } = entity;
  if (!services) return;
  const value = `&{${services.name ?? ''} ${services.namespace ?? ''}}`;
  if (!services.name) yield { field: 'Services', value, reason: 'must specify a service name' };
  for (const [what, present] of [
    ['NamespaceSelector', entity.namespaceSelector],
    ['Selector/NotSelector', entity.selector || entity.notSelector],
    ['ServiceAccounts', entity.serviceAccounts],
    ['Nets/NotNets', (entity.nets ?? []).length + (entity.notNets ?? []).length],
  ] as const) {
    if (!present) continue;
    yield { field: 'Services field', value, reason: `cannot specify ${what} and Services on the same rule` };
  }
}

/** Checks of ICMP fields. */
export function* icmpProblems(icmp: IcmpFields): Generator<Problem> {
  if (icmp.code !== undefined && icmp.type === undefined) {
    yield { field: 'Code', value: String(icmp.code), reason: 'ICMP code specified without an ICMP type' };
  }
}

/** Checks of HTTP matches. */
export function* httpProblems(http: HttpMatch): Generator<Problem> {
  const methods = http.methods ?? [];
  if (new Set(methods).size !== methods.length) {
    const value = `[${methods.join(' ')}]`;
    yield { field: 'Methods', value, reason: `Invalid methods (duplicates): ${value}` };
  }
  const all = http.paths ?? [];
  const paths = all.map((path) => `{${path.exact ?? ''} ${path.prefix ?? ''}}`).join(' ');
  const value = `[${paths}]`;
  for (const { exact, prefix } of all) {
    if (exact && prefix) {
      const reason = "Invalid path match. Both 'exact' and 'prefix' are set";
      yield { field: 'Paths', value, reason };
      continue;
    }
    const path = exact || prefix || '';
    if (path.startsWith('/') && !/[?# ]/.test(path)) continue;
    const reason = `Invalid path ${path}. (must start with \`/\` and not contain \`?\` or \`#\``;
    yield { field: 'Paths', value, reason };
  }
}
