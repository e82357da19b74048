/** One rule or member that the kernel refuses stops none of the others, and is named. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { HostInterface, RuleDataplane } from '../../src/felix/dataplane.ts';
import { createIptablesDataplane } from '../../src/felix/iptables/index.ts';
import { createNftDataplane } from '../../src/felix/nft/index.ts';
import { Namespace } from '../../src/linux/netns/index.ts';
import { NftContext } from '../../src/linux/nftables/index.ts';
import type { ProgramRule, ProgramUpdate, RuleSide } from '../../src/policy/index.ts';
import { settingsOf } from '../support/program.ts';

const side: RuleSide = {
  nets: [],
  notNets: [],
  ports: [],
  notPorts: [],
  namedPortSets: [],
  notNamedPortSets: [],
  sets: [],
  notSets: [],
  portSets: [],
};
const interfaces: readonly HostInterface[] = [
  { name: 'lo', index: 1, up: true, ipv4: ['127.0.0.1'], ipv6: ['::1'] },
];

function rule(action: ProgramRule['action'], port: number, last = port): ProgramRule {
  return {
    action,
    protocol: 'tcp',
    source: side,
    destination: { ...side, ports: [{ first: port, last }] },
    origin: { direction: 'ingress', index: 0 },
  };
}

function policy(name: string, inbound: readonly ProgramRule[]): ProgramUpdate {
  return {
    op: 'put',
    kind: 'policy',
    key: `GlobalNetworkPolicy//${name}`,
    value: {
      id: { kind: 'GlobalNetworkPolicy', name },
      tier: 'default',
      inbound,
      outbound: [],
      untracked: false,
      preDnat: false,
      staged: false,
    },
  };
}

function workload(name: string, policies: readonly string[]): ProgramUpdate {
  return {
    op: 'put',
    kind: 'workload',
    key: `default/${name}`,
    value: {
      id: { orchestrator: 'k8s', workload: `default/${name}`, endpoint: 'eth0' },
      state: 'active',
      interfaceName: `cali${name}`,
      ipv4Nets: ['10.1.0.1/32'],
      ipv6Nets: [],
      ipv4Nats: [],
      ipv6Nats: [],
      allowSpoofedSourcePrefixes: [],
      tiers: [
        {
          name: 'default',
          defaultAction: 'deny',
          ingress: policies.map((one) => `GlobalNetworkPolicy//${one}`),
          egress: [],
        },
      ],
      profiles: [],
    },
  };
}

function ipSet(members: readonly string[]): ProgramUpdate {
  return {
    op: 'put',
    kind: 'ip-set',
    key: 's:set',
    value: { id: 's:set', kind: 'net', members: new Set(members) },
  };
}

/** A range from a higher port to a lower one is written as it stands, and refused by both packet filters. */
const refused = (action: ProgramRule['action']) => rule(action, 90, 80);

describe.each(['nftables', 'iptables-legacy', 'iptables-nft'] as const)('refused by %s', (name) => {
  let namespace: Namespace;
  let plane: RuleDataplane;
  let listed: () => string;
  beforeEach(() => {
    namespace = Namespace.unnamed();
    const variant = name === 'iptables-nft' ? 'nft' : 'legacy';
    plane =
      name === 'nftables'
        ? createNftDataplane({ settings: settingsOf(), namespace })
        : createIptablesDataplane({ settings: settingsOf({}, 'iptables'), variant, namespace });
    listed = () => {
      if (name !== 'nftables') {
        return namespace.run(() => Bun.spawnSync([`iptables-${variant}-save`]).stdout.toString());
      }
      const nft = new NftContext({ namespace });
      try {
        return nft.run('list table ip calico');
      } finally {
        nft.close();
      }
    };
  });
  afterEach(() => {
    plane.close();
    namespace.close();
  });

  test('a rule in the first program', async () => {
    const updates = [
      policy('bad', [rule('allow', 7001), refused('deny'), rule('allow', 7002)]),
      policy('good', [rule('allow', 7003)]),
      workload('w1', ['bad', 'good']),
    ];
    const { problems } = await plane.apply({ updates, interfaces });
    expect(new Set(problems.map(({ subject }) => subject))).toEqual(
      new Set(['policy GlobalNetworkPolicy//bad']),
    );
    expect(problems[0]!.reason).toContain('rule 2 of chain cali-pi-');
    const text = listed();
    for (const port of [7001, 7002, 7003]) expect(text).toContain(String(port));
    expect(text).toContain('a rule that cannot be programmed');
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });
  });

  test('a rule that comes later, and goes', async () => {
    await plane.apply({ updates: [policy('p', [rule('allow', 7001)]), workload('w1', ['p'])], interfaces });
    const bad = await plane.apply({
      updates: [
        policy('p', [refused('allow'), rule('allow', 7002)]),
        policy('q', [rule('allow', 7003)]),
        workload('w2', ['q']),
      ],
    });
    expect(bad.problems.map(({ subject }) => subject)).toContain('policy GlobalNetworkPolicy//p');
    expect(listed()).toContain('7002');
    expect(listed()).toContain('7003');
    // What only would have allowed is left out: nothing denies in its place.
    expect(listed()).not.toContain('a rule that cannot be programmed');
    const good = await plane.apply({ updates: [policy('p', [rule('allow', 7004)])] });
    expect(good.problems).toEqual([]);
    expect(listed()).toContain('7004');
    expect(await plane.resync()).toEqual({ missing: [], different: [], stray: [] });
  });

  test('a member of a set, and a rule that cannot be rendered', async () => {
    const broken = { ...rule('deny', 7001), source: { ...side, nets: ['10.0.0.0/33', '10.1.0.0/16'] } };
    const { problems } = await plane.apply({
      updates: [
        ipSet(['10.9.0.0/16', '10.300.0.0/16', '10.8.0.0/16']),
        policy('uses', [{ ...rule('allow', 7003), source: { ...side, sets: ['s:set'] } }]),
        policy('broken', [broken]),
        workload('w1', ['uses', 'broken']),
      ],
      interfaces,
    });
    expect(problems.map(({ subject }) => subject)).toContain('ip-set s:set');
    expect(problems.map(({ subject }) => subject)).toContain('policy GlobalNetworkPolicy//broken');
    expect(problems.find(({ subject }) => subject === 'ip-set s:set')!.reason).toContain('10.300.0.0/16');
    expect(listed()).toContain('7003');
    const sets =
      name === 'nftables'
        ? listed()
        : namespace.run(() => Bun.spawnSync(['ipset', 'save']).stdout.toString());
    expect(sets).toContain('10.9.0.0/16');
    expect(sets).toContain('10.8.0.0/16');
    const after = await plane.apply({
      updates: [{ op: 'members', id: 's:set', added: ['10.7.0.0/16'], removed: ['10.300.0.0/16'] }],
    });
    expect(after.problems.map(({ subject }) => subject)).not.toContain('ip-set s:set');
  });
});
