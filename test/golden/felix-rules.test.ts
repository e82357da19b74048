/** Names, hooks and members that a real Felix leaves on a machine, against ours in the same scenario. */
import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { iptablesChains } from '../../src/felix/iptables/iptables-chains.ts';
import { baseChains } from '../../src/felix/nft/base-chains.ts';
import { HostRules } from '../../src/felix/render/index.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { graphOf, settingsOf } from '../support/program.ts';
import { storedResources } from './verdicts/recording.ts';
import { hostInterfaces } from './verdicts/topology.ts';

interface Facts {
  readonly scenario: {
    readonly resources: readonly Resource[];
    readonly felixEnv: Readonly<Record<string, string>>;
  };
  readonly nft: {
    readonly baseChains: readonly {
      family: string;
      name: string;
      type: string;
      hook: string;
      prio: number;
    }[];
    readonly chains: Readonly<Record<string, Readonly<Record<string, number>>>>;
    readonly sets: readonly { family: string; name: string; elem: readonly unknown[] | null }[];
    readonly maps: readonly { family: string; name: string; elem: readonly [string, unknown][] }[];
  };
  readonly iptables: {
    readonly chains: Readonly<Record<string, Readonly<Record<string, number>>>>;
    readonly ipsets: Readonly<Record<string, { readonly type: string }>>;
  };
}

const facts = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/felix-rules.json'), 'utf8'),
) as Facts;

/** DSCP marking is not built; its chain and set are empty in the recording. */
const withoutDscp = (names: readonly string[]) => names.filter((name) => !name.includes('dscp')).sort();

function rulesOf(dataplane: 'nftables' | 'iptables'): HostRules {
  const rules = new HostRules(settingsOf(facts.scenario.felixEnv, dataplane));
  rules.update({
    updates: graphOf('host1', storedResources(facts.scenario.resources)).flush(),
    interfaces: hostInterfaces('host1', '10.233.66.1'),
    encapsulation: { ipip: false, vxlan: true, vxlanV6: false },
  });
  rules.take();
  return rules;
}

describe('what a machine shows', () => {
  test('nftables: hooks and priorities', () => {
    const recorded = facts.nft.baseChains
      .filter(({ family }) => family === 'ip')
      .map(({ name, type, hook, prio }) => [name, { type, hook, priority: prio }]);
    expect(Object.fromEntries(baseChains)).toEqual(Object.fromEntries(recorded));
  });

  test.each([
    [4, 'ip calico'],
    [6, 'ip6 calico'],
  ] as const)('nftables: chains of IPv%d', (version, table) => {
    const ours = new Set([...rulesOf('nftables').chains(version)].map(([key]) => key));
    for (const name of baseChains.keys()) ours.add(name);
    const recorded = withoutDscp(Object.keys(facts.nft.chains[table] ?? {}));
    // Both directions of a policy are made together; the recorded agent leaves out the one that has no rules.
    expect(recorded.filter((name) => !ours.has(name))).toEqual([]);
    const more = [...ours].filter((name) => !recorded.includes(name) && !/-cali-(pi|po|pri|pro)-/.test(name));
    expect(more).toEqual([]);
  });

  test('nftables: sets and their members, maps and their interfaces', () => {
    const rules = rulesOf('nftables');
    for (const [version, family] of [
      [4, 'ip'],
      [6, 'ip6'],
    ] as const) {
      const recorded = facts.nft.sets.filter((set) => set.family === family);
      expect([...rules.sets(version).keys()].sort()).toEqual(withoutDscp(recorded.map(({ name }) => name)));
      for (const { name, elem } of recorded) {
        // Link-local addresses are the recorded machine's own.
        if (name.includes('dscp') || name === 'cali60this-host') continue;
        expect(rules.sets(version).get(name)!.members.size).toBe(elem?.length ?? 0);
      }
      const map = facts.nft.maps.find(
        (one) => one.family === family && one.name === 'filter-cali-to-wl-dispatch',
      );
      expect([...rules.maps(version).get('filter-cali-to-wl-dispatch')!.keys()].sort()).toEqual(
        map!.elem.map(([name]) => name).sort(),
      );
    }
  });

  test('iptables: chains, with the names that are too long', () => {
    const rules = rulesOf('iptables');
    const settings = settingsOf(facts.scenario.felixEnv, 'iptables');
    const ours = new Map<string, number>();
    for (const [, chain] of rules.chains(4)) {
      for (const { table, name, lines } of iptablesChains(chain, rules, 4, settings))
        ours.set(`ip ${table} ${name}`, lines.length);
    }
    for (const table of ['raw', 'mangle', 'nat', 'filter']) {
      const recorded = withoutDscp(Object.keys(facts.iptables.chains[`ip ${table}`] ?? {}));
      expect(recorded.filter((name) => !ours.has(`ip ${table} ${name}`))).toEqual([]);
    }
    // The tree by next character after the common prefix.
    expect(ours.get('ip filter cali-from-wl-dispatch-w')).toBe(5);
    expect([...rules.sets(4).keys()].sort()).toEqual(
      withoutDscp(Object.keys(facts.iptables.ipsets).filter((name) => name.startsWith('cali4'))),
    );
  });
});
