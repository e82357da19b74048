/** What of a rule is left in one IP version. Both renderers and the evaluator ask here, so that they agree. */
import type { IpVersion } from '../ip/index.ts';
import { protocolNumber } from './model/protocol.ts';
import type { ProgramRule, RuleSide } from './program.ts';

/**
 * The rule for one IP version, with nets of the other one dropped; `undefined` when it can match nothing there: it is
 * for the other version, a list of nets became empty, or a negated net is everything.
 *
 * Upstream source: felix/rules/policy.go, FilterRuleToIPVersion.
 */
export function ruleForFamily(rule: ProgramRule, version: IpVersion): ProgramRule | undefined {
  if (rule.ipVersion !== undefined && rule.ipVersion !== version) return undefined;
  const source = sideForFamily(rule.source, version);
  const destination = sideForFamily(rule.destination, version);
  if (!source || !destination) return undefined;
  const icmp = version === 4 ? 1 : 58;
  // ICMP fields of the other version's protocol can never be met, nor can their absence be told apart.
  if ((rule.icmp || rule.notIcmp) && rule.protocol !== undefined && protocolNumber(rule.protocol) !== icmp) {
    return undefined;
  }
  return source === rule.source && destination === rule.destination ? rule : { ...rule, source, destination };
}

function sideForFamily(side: RuleSide, version: IpVersion): RuleSide | undefined {
  const nets = ofFamily(side.nets, version);
  const notNets = ofFamily(side.notNets, version);
  if (nets.length === 0 && side.nets.length > 0) return undefined;
  if (notNets.length === 0 && side.notNets.length > 0) return undefined;
  if (notNets.some((net) => net.endsWith('/0'))) return undefined;
  return nets === side.nets && notNets === side.notNets ? side : { ...side, nets, notNets };
}

function ofFamily(nets: readonly string[], version: IpVersion): readonly string[] {
  const mine = nets.filter((net) => net.includes(':') === (version === 6));
  return mine.length === nets.length ? nets : mine;
}
