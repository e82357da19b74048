/** Finds out what of a host's rules iptables and ipset refuse, in a network namespace where nobody is hurt. */
import { messageOf } from '../../errors.ts';
import type { IpVersion } from '../../ip/index.ts';
import { restoreIpsets } from '../../linux/ipset/index.ts';
import type { Iptables } from '../../linux/iptables/index.ts';
import { Namespace } from '../../linux/netns/index.ts';
import { type Chain, findRefused, type HostRules, type Refused, type RuleSettings } from '../render/index.ts';
import { createSet } from './ipset-plan.ts';
import { iptablesChains } from './iptables-chains.ts';

/** What is tried. */
export interface IptablesTrial {
  readonly rules: HostRules;
  readonly version: IpVersion;
  readonly settings: RuleSettings;
  readonly program: Iptables;
}

/** Tries all rules and members. @throws CalicoError where sets cannot be made at all */
export async function tryInIptables(trial: IptablesTrial): Promise<Refused> {
  const namespace = Namespace.unnamed();
  try {
    return {
      members: await refusedMembers(trial, namespace),
      rules: await refusedRules(trial, namespace),
    };
  } finally {
    namespace.close();
  }
}

async function reasonOf(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Sets with too many members are found too: what comes after the last that fits is refused. */
async function refusedMembers(trial: IptablesTrial, namespace: Namespace): Promise<Refused['members']> {
  const { rules, version, settings } = trial;
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, set] of rules.sets(version)) {
    const create = createSet(name, { kind: set.kind, members: new Set() }, version, settings.maxIpsetSize);
    await namespace.run(() => restoreIpsets(create));
    if (set.members.size === 0) continue;
    const refused = await findRefused([...set.members], (part, accepted) =>
      reasonOf(() => {
        const add = [...accepted, ...part].map((member) => `add ${name} ${member} -exist`);
        return namespace.run(() => restoreIpsets([`flush ${name}`, ...add]));
      }),
    );
    if (refused.size > 0) found.set(name, refused);
  }
  return found;
}

async function refusedRules(trial: IptablesTrial, namespace: Namespace): Promise<Refused['rules']> {
  const { rules, version } = trial;
  const found = new Map<string, ReadonlyMap<number, string>>();
  const all = new Map(rules.chains(version));
  for (const table of ['raw', 'mangle', 'nat', 'filter'] as const) {
    const chains = new Map([...all].filter(([, chain]) => chain.table === table));
    const declared = [...chains.values()].flatMap((chain) => namesOf(trial, chain));
    const attempt = (tried: readonly Chain[]) =>
      reasonOf(async () => {
        const rendered = tried.flatMap((chain) => iptablesChains(chain, rules, version, trial.settings));
        const body = rendered.flatMap(({ name, lines }) => [
          `-F ${name}`,
          ...lines.map((line) => `-A ${name} ${line}`),
        ]);
        const declare = declared
          .filter((name) => name !== name.toUpperCase())
          .map((name) => `:${name} - [0:0]`);
        const input = [`*${table}`, ...declare, ...body, 'COMMIT'].join('\n');
        await namespace.run(() => trial.program.restore(`${input}\n`));
      });
    const keys = await findRefused([...chains.keys()], (part) =>
      attempt(part.map((key) => chains.get(key)!)),
    );
    for (const [key, reason] of keys) {
      const chain = chains.get(key)!;
      const indexes = chain.rules.map((_, i) => i);
      const single = await findRefused(indexes, (part) =>
        attempt([{ ...chain, rules: part.map((i) => chain.rules[i]!) }]),
      );
      // Each alone is taken, all together are not: then it is all of them.
      found.set(key, single.size > 0 ? single : new Map(indexes.map((i) => [i, reason])));
    }
  }
  return found;
}

/** Chains that a chain's dispatch makes need to exist before their names are known to be good; rendering may throw. */
function namesOf({ rules, version, settings }: IptablesTrial, chain: Chain): readonly string[] {
  const empty = { ...chain, rules: chain.rules.filter(({ actions }) => actions[0]?.do === 'dispatch') };
  return [chain.name, ...iptablesChains(empty, rules, version, settings).map(({ name }) => name)];
}
