/**
 * A v3 rule as the graph holds it: peers as selector text, ports sorted by kind. Resolving the selectors to IP sets
 * is left to the graph, because only rules of active policies need it.
 *
 * Upstream source: libcalico-go updateprocessors/rules.go, felix/calc/rule_scanner.go.
 */
import { formatCidr, tryParseCidr } from '../../ip/index.ts';
import type { PortRange, ProgramRule, RuleOrigin, RuleProtocol } from '../program.ts';
import { type PeerSelectors, peerSelectors } from './peer-selector.ts';
import type { V3EntityRule, V3Icmp, V3Port, V3Rule } from './v3.types.ts';

/** One side of a {@link ParsedRule}. */
export interface ParsedSide extends PeerSelectors {
  readonly nets: readonly string[];
  readonly notNets: readonly string[];
  readonly ports: readonly PortRange[];
  readonly notPorts: readonly PortRange[];
  readonly namedPorts: readonly string[];
  readonly notNamedPorts: readonly string[];
  readonly service?: { readonly name: string; readonly namespace: string };
}

/** A rule before its selectors are resolved. */
export interface ParsedRule extends Omit<ProgramRule, 'source' | 'destination'> {
  readonly source: ParsedSide;
  readonly destination: ParsedSide;
}

/** Reads a rule. `namespace` is the policy's, absent for global kinds and profiles. */
export function translateRule(rule: V3Rule, namespace: string | undefined, origin: RuleOrigin): ParsedRule {
  const annotations = rule.metadata?.annotations;
  return {
    action: actionOf(rule.action),
    ...(rule.ipVersion === 4 || rule.ipVersion === 6 ? { ipVersion: rule.ipVersion } : {}),
    ...(rule.protocol === undefined ? {} : { protocol: lower(rule.protocol) }),
    ...(rule.notProtocol === undefined ? {} : { notProtocol: lower(rule.notProtocol) }),
    ...icmpOf('icmp', rule.icmp),
    ...icmpOf('notIcmp', rule.notICMP),
    source: sideOf(rule.source ?? {}, namespace),
    destination: sideOf(rule.destination ?? {}, namespace),
    origin: annotations ? { ...origin, annotations } : origin,
  };
}

function actionOf(action: string | undefined): ProgramRule['action'] {
  switch ((action ?? '').toLowerCase()) {
    case 'deny':
      return 'deny';
    case 'log':
      return 'log';
    case 'pass':
    case 'next-tier':
      return 'pass';
    case '':
    case 'allow':
      return 'allow';
    default:
      // A word that no release knows must not open anything.
      return 'deny';
  }
}

function lower(protocol: number | string): RuleProtocol {
  if (typeof protocol === 'number') return protocol;
  return /^\d+$/.test(protocol) ? Number(protocol) : protocol.toLowerCase();
}

function icmpOf<F extends 'icmp' | 'notIcmp'>(
  field: F,
  icmp: V3Icmp | undefined,
): Pick<ProgramRule, F> | object {
  if (icmp?.type === undefined) return {};
  return { [field]: icmp.code === undefined ? { type: icmp.type } : { type: icmp.type, code: icmp.code } };
}

function sideOf(entity: V3EntityRule, namespace: string | undefined): ParsedSide {
  const ports = splitPorts(entity.ports ?? []);
  const notPorts = splitPorts(entity.notPorts ?? []);
  const service = entity.services;
  return {
    ...peerSelectors(entity, namespace),
    nets: netsOf(entity.nets),
    notNets: netsOf(entity.notNets),
    ports: ports.ranges,
    namedPorts: ports.names,
    notPorts: notPorts.ranges,
    notNamedPorts: notPorts.names,
    ...(service ? { service: { name: service.name, namespace: service.namespace ?? namespace ?? '' } } : {}),
  };
}

/** Masked to the network; what cannot be read is left out, as upstream does. */
function netsOf(nets: readonly string[] | undefined): readonly string[] {
  const canonical: string[] = [];
  for (const net of nets ?? []) {
    const cidr = tryParseCidr(net);
    if (cidr) canonical.push(formatCidr(cidr));
  }
  return canonical;
}

function splitPorts(ports: readonly V3Port[]): { ranges: readonly PortRange[]; names: readonly string[] } {
  const ranges: PortRange[] = [];
  const names: string[] = [];
  for (const port of ports) {
    const range = /^(\d+)(?::(\d+))?$/.exec(String(port));
    if (range) ranges.push({ first: Number(range[1]), last: Number(range[2] ?? range[1]) });
    else names.push(String(port));
  }
  return { ranges, names };
}
