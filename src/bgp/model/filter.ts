/** A BGPFilter as typed rules. */
import { addressBits, formatCidr, type IpVersion, tryParseCidr } from '../../ip/index.ts';
import type { BGPFilterRule, BGPFilterSpec } from '../../resources/index.ts';
import { tryParseAsNumber } from './as-number.ts';
import { tryParseCommunity } from './community.ts';
import type { Community } from './state.ts';

/** How a route's network is compared with a CIDR. */
export type NetOperator = 'Equal' | 'NotEqual' | 'In' | 'NotIn';

/** Changes an accepted route. */
export type FilterOperation =
  | { readonly kind: 'add-community'; readonly community: Community }
  | { readonly kind: 'prepend'; readonly path: readonly number[] }
  | { readonly kind: 'set-priority'; readonly value: number };

/** A rule: all of what is set must hold. */
export interface FilterRule {
  readonly net?: {
    readonly operator: NetOperator;
    readonly cidr: string;
    readonly length?: readonly [number, number];
  };
  readonly remotePeers: boolean;
  readonly interface?: string;
  readonly peerType?: 'eBGP' | 'iBGP';
  readonly community?: Community;
  readonly asPathPrefix?: readonly number[];
  readonly priority?: number;
  readonly action: 'accept' | 'reject';
  readonly operations: readonly FilterOperation[];
}

/** Rules by direction and family. */
export interface BgpFilter {
  readonly name: string;
  readonly importV4: readonly FilterRule[];
  readonly importV6: readonly FilterRule[];
  readonly exportV4: readonly FilterRule[];
  readonly exportV6: readonly FilterRule[];
}

/** A direction of a filter. */
export type Direction = 'import' | 'export';

/** The rules of a filter for a direction and family. */
export function rulesOf(filter: BgpFilter, direction: Direction, version: IpVersion): readonly FilterRule[] {
  return filter[`${direction}V${version}`];
}

/**
 * Reads a spec. A rule that cannot be read, or can never match, is left out and reported with its place; the others
 * stay in force.
 */
export function parseFilter(
  name: string,
  spec: BGPFilterSpec,
  report: (message: string) => void,
): BgpFilter | undefined {
  if (!/^[\w.-]{1,253}$/.test(name)) {
    report('its name cannot be written in a BIRD configuration');
    return undefined;
  }
  const rules = (field: keyof BgpFilter & keyof BGPFilterSpec, version: IpVersion) =>
    (spec[field] ?? []).flatMap((rule, index) => {
      const result = parseRule(rule, version);
      if (typeof result !== 'string') return [result];
      report(`${field}[${index}] is left out: ${result}`);
      return [];
    });
  return {
    name,
    importV4: rules('importV4', 4),
    importV6: rules('importV6', 6),
    exportV4: rules('exportV4', 4),
    exportV6: rules('exportV6', 6),
  };
}

function parseRule(rule: BGPFilterRule, version: IpVersion): FilterRule | string {
  const net = parseNet(rule, version);
  if (typeof net === 'string') return net;
  if (rule.action !== 'Accept' && rule.action !== 'Reject') return `action ${String(rule.action)} is unknown`;
  const match = rule.communities?.values?.[0];
  const community = match === undefined ? undefined : tryParseCommunity(match);
  if (match !== undefined && !community) return `${JSON.stringify(match)} is not a community`;
  if (rule.interface !== undefined && !isPattern(rule.interface))
    return `interface ${JSON.stringify(rule.interface)} is not a name or pattern`;
  const prefix = asPath(rule.asPathPrefix ?? []);
  if (!prefix) return `${JSON.stringify(rule.asPathPrefix)} is not a list of AS numbers`;
  if (rule.priority !== undefined && !isPriority(rule.priority))
    return `priority ${rule.priority} is out of range`;
  const operations: FilterOperation[] = [];
  for (const operation of rule.operations ?? []) {
    if (operation.addCommunity?.value !== undefined) {
      const added = tryParseCommunity(operation.addCommunity.value);
      if (!added) return `${JSON.stringify(operation.addCommunity.value)} is not a community`;
      operations.push({ kind: 'add-community', community: added });
    } else if (operation.prependASPath?.prefix) {
      const path = asPath(operation.prependASPath.prefix);
      if (!path) return `${JSON.stringify(operation.prependASPath.prefix)} is not a list of AS numbers`;
      operations.push({ kind: 'prepend', path });
    } else if (operation.setPriority?.value !== undefined) {
      if (!isPriority(operation.setPriority.value))
        return `setPriority ${operation.setPriority.value} is out of range`;
      operations.push({ kind: 'set-priority', value: operation.setPriority.value });
    }
  }
  return {
    ...(net && { net }),
    remotePeers: rule.source === 'RemotePeers',
    ...(rule.interface !== undefined && { interface: rule.interface }),
    ...(rule.peerType !== undefined && { peerType: rule.peerType }),
    ...(community && { community }),
    ...(prefix.length > 0 && { asPathPrefix: prefix }),
    ...(rule.priority !== undefined && { priority: rule.priority }),
    action: rule.action === 'Accept' ? 'accept' : 'reject',
    operations,
  };
}

/** Priorities are kernel metrics below that of a local preference of 0. */
function isPriority(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 2147483647;
}

function asPath(values: readonly unknown[]): readonly number[] | undefined {
  const path = values.map(tryParseAsNumber);
  return path.some((one) => one === undefined) ? undefined : (path as readonly number[]);
}

/** Interface names and patterns as BIRD writes them in quotes: nothing that could end the quotes. */
export function isPattern(text: string): boolean {
  return /^[\w.*?@:+-]{1,32}$/.test(text);
}

function parseNet(rule: BGPFilterRule, version: IpVersion): FilterRule['net'] | string {
  if (rule.cidr === undefined || rule.cidr === '') return undefined;
  const cidr = tryParseCidr(rule.cidr);
  if (cidr?.version !== version) return `${JSON.stringify(rule.cidr)} is not an IPv${version} CIDR`;
  const operator = rule.matchOperator;
  if (operator === undefined) return 'cidr without matchOperator';
  const text = formatCidr(cidr);
  if (!rule.prefixLength) return { operator, cidr: text };
  const min = Math.max(rule.prefixLength.min ?? cidr.prefix, cidr.prefix);
  const max = Math.min(rule.prefixLength.max ?? addressBits(version), addressBits(version));
  if (min > max) return `prefixLength ${min}–${max} is empty, so the rule can never match`;
  return { operator, cidr: text, length: [min, max] };
}
