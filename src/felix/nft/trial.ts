/**
 * Finds out what of a host's rules this kernel refuses, in a network namespace where nobody is hurt.
 *
 * Asked only when a transaction failed from a table that was just read: then the cause is in what was written.
 */
import { messageOf } from '../../errors.ts';
import type { IpVersion } from '../../ip/index.ts';
import { Namespace } from '../../linux/netns/index.ts';
import { NftContext, NftElements } from '../../linux/nftables/index.ts';
import { findRefused, type HostRules, nftBody, type Refused, setType } from '../render/index.ts';
import { baseChainSpec, baseChains } from './base-chains.ts';
import { elementKey, elementKind, tableOf } from './plan.ts';

/** Tries all rules and members. @throws CalicoError where tables, sets or chains cannot be made at all */
export async function tryInNftables(rules: HostRules, version: IpVersion): Promise<Refused> {
  const namespace = Namespace.unnamed();
  const context = new NftContext({ namespace });
  const elements = new NftElements({ namespace });
  try {
    await context.runAsync(declarations(rules, version).join('\n'));
    return {
      rules: await refusedRules(context, rules, version),
      members: await refusedMembers(elements, rules, version),
    };
  } finally {
    context.close();
    elements.close();
    namespace.close();
  }
}

function declarations(rules: HostRules, version: IpVersion): readonly string[] {
  const table = tableOf(version);
  return [
    `add table ${table}`,
    ...[...rules.sets(version)].map(
      ([name, { kind }]) => `add set ${table} ${name} { ${setType(kind, version)} }`,
    ),
    ...[...rules.maps(version).keys()].map((name) => `add map ${table} ${name} { type ifname : verdict; }`),
    ...[...baseChains].map(([name, base]) => `add chain ${table} ${name} ${baseChainSpec(base)}`),
    ...[...rules.chains(version)].flatMap(([key]) =>
      baseChains.has(key) ? [] : [`add chain ${table} ${key}`],
    ),
  ];
}

async function refusedRules(
  context: NftContext,
  rules: HostRules,
  version: IpVersion,
): Promise<Refused['rules']> {
  const table = tableOf(version);
  const chains = new Map(rules.chains(version));
  const attempt = async (
    parts: readonly (readonly [string, number | undefined])[],
  ): Promise<string | undefined> => {
    try {
      const text = parts.flatMap(([key, index]) => {
        const chain = chains.get(key)!;
        const body = index === undefined ? chain.rules : [chain.rules[index]!];
        const { lines } = nftBody(body, chain.table, version);
        return [`flush chain ${table} ${key}`, ...lines.map((line) => `add rule ${table} ${key} ${line}`)];
      });
      await context.runAsync(text.join('\n'));
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  const found = new Map<string, ReadonlyMap<number, string>>();
  const keys = await findRefused([...chains.keys()], (part) =>
    attempt(part.map((key) => [key, undefined] as const)),
  );
  for (const [key, reason] of keys) {
    const indexes = chains.get(key)!.rules.map((_, i) => i);
    const single = await findRefused(indexes, (part) => attemptRules(key, part));
    // Each alone is taken, all together are not: then it is all of them.
    found.set(key, single.size > 0 ? single : new Map(indexes.map((i) => [i, reason])));
  }
  return found;

  async function attemptRules(key: string, indexes: readonly number[]): Promise<string | undefined> {
    for (const index of indexes) {
      const reason = await attempt([[key, index]]);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
}

async function refusedMembers(
  elements: NftElements,
  rules: HostRules,
  version: IpVersion,
): Promise<Refused['members']> {
  const sets = rules.sets(version);
  const change = (set: string, added: readonly string[], removed: readonly string[] = []) => ({
    family: version === 4 ? ('ip' as const) : ('ip6' as const),
    table: 'calico',
    set,
    kind: elementKind(sets.get(set)!.kind),
    added: added.map(elementKey),
    removed: removed.map(elementKey),
  });
  const attempt = async (set: string, members: readonly string[]): Promise<string | undefined> => {
    try {
      elements.commit([change(set, members)]);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, { members }] of sets) {
    if (members.size === 0) continue;
    const refused = await findRefused([...members], (part) => attempt(name, part));
    if (refused.size > 0) found.set(name, refused);
  }
  return found;
}
