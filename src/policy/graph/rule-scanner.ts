/** Resolves the selectors of active rules to IP sets. Upstream source: felix/calc/rule_scanner.go. */
import { protocolName } from '../model/protocol.ts';
import type { ParsedRule, ParsedSide } from '../model/translate-rule.ts';
import type { ProgramRule, RuleSide } from '../program.ts';
import type { IpSetIndex, IpSetName, IpSetSpec } from './ip-set-index.ts';
import type { ServiceSets } from './service-sets.ts';

/** Where sets of rules come from: each claim is collected so that the owner can give it up. */
export interface SetClaims {
  readonly sets: IpSetIndex;
  readonly services: ServiceSets;
  /** Identifiers that the rules refer to, each as often as it was claimed. */
  readonly claimed: string[];
}

/** The rule with its selectors as sets. */
export function scanRule(rule: ParsedRule, claims: SetClaims): ProgramRule {
  const protocol = rule.protocol === undefined ? 'any' : protocolName(rule.protocol);
  return {
    ...rule,
    source: scanSide(rule.source, 'source', protocol, claims),
    destination: scanSide(rule.destination, 'destination', protocol, claims),
  };
}

function scanSide(
  side: ParsedSide,
  direction: 'source' | 'destination',
  protocol: string,
  claims: SetClaims,
): RuleSide {
  const claim = (spec: IpSetSpec): string => {
    const set: IpSetName = claims.sets.acquire(spec);
    claims.claimed.push(set.id);
    return set.id;
  };
  const portSetsOf = (names: readonly string[]) =>
    names.map((port) => claim({ type: 'named-port', selector: side.positive, protocol, port }));
  const namedPortSets = portSetsOf(side.namedPorts);
  // Members of a named-port set are endpoints that the selector matches: asking both would be the same question.
  const covered = side.namedPorts.length > 0 && side.ports.length === 0;
  const sets = side.positive !== '' && !covered ? [claim({ type: 'selector', selector: side.positive })] : [];
  const portSets: string[] = [];
  if (side.service) {
    const { namespace, name } = side.service;
    const id = claims.services.acquire(namespace, name, direction === 'destination');
    claims.claimed.push(id);
    (direction === 'destination' ? portSets : sets).push(id);
  }
  return {
    nets: side.nets,
    notNets: side.notNets,
    ports: side.ports,
    notPorts: side.notPorts,
    namedPortSets,
    notNamedPortSets: portSetsOf(side.notNamedPorts),
    sets,
    notSets: side.negative === '' ? [] : [claim({ type: 'selector', selector: side.negative })],
    portSets,
  };
}
