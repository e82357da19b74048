/**
 * The nftables dataplane at size: `node scripts/isolated.mjs bun bench/rules.ts [--json]`.
 *
 * A table of 2,000 sets with 100 members each and 2,000 policy chains with 10 rules each, then one change of each kind;
 * medians over many rounds, and a full resync.
 */
import type { HostInterface } from '../src/felix/dataplane.ts';
import { createNftDataplane } from '../src/felix/nft/index.ts';
import { Namespace } from '../src/linux/netns/index.ts';
import type { ProgramRule, ProgramUpdate, RuleSide } from '../src/policy/index.ts';
import { settingsOf } from '../test/support/program.ts';

const anySide: RuleSide = {
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
const sets = 2000;
const policies = 2000;

function policy(i: number, port: number): ProgramUpdate {
  const rule = (n: number): ProgramRule => ({
    action: 'allow',
    protocol: 'tcp',
    source: { ...anySide, sets: [`s:set${(i + n) % sets}`] },
    destination: { ...anySide, ports: [{ first: port + n, last: port + n }] },
    origin: { direction: 'ingress', index: n },
  });
  return {
    op: 'put',
    kind: 'policy',
    key: `GlobalNetworkPolicy//p${i}`,
    value: {
      id: { kind: 'GlobalNetworkPolicy', name: `p${i}` },
      tier: 'default',
      inbound: Array.from({ length: 10 }, (_, n) => rule(n)),
      outbound: [],
      untracked: false,
      preDnat: false,
      staged: false,
    },
  };
}

function workload(i: number, count: number): ProgramUpdate {
  return {
    op: 'put',
    kind: 'workload',
    key: `default/w${i}`,
    value: {
      id: { orchestrator: 'k8s', workload: `default/w${i}`, endpoint: 'eth0' },
      state: 'active',
      interfaceName: `cali${i}`,
      ipv4Nets: [`10.1.${i >> 8}.${i & 255}/32`],
      ipv6Nets: [],
      ipv4Nats: [],
      ipv6Nats: [],
      allowSpoofedSourcePrefixes: [],
      tiers: [
        {
          name: 'default',
          defaultAction: 'deny',
          ingress: Array.from({ length: count }, (_, n) => `GlobalNetworkPolicy//p${n}`),
          egress: [],
        },
      ],
      profiles: [],
    },
  };
}

const rows: { readonly name: string; readonly ms: number }[] = [];
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const namespace = Namespace.unnamed();
const plane = createNftDataplane({ settings: settingsOf({ FELIX_IPV6SUPPORT: 'false' }), namespace });
const interfaces: readonly HostInterface[] = [
  { name: 'lo', index: 1, up: true, ipv4: ['127.0.0.1'], ipv6: ['::1'] },
];

async function timed(name: string, act: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await act();
  rows.push({ name, ms: performance.now() - start });
}

async function each(
  name: string,
  rounds: number,
  update: (round: number) => readonly ProgramUpdate[],
): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const updates = update(i);
    const start = performance.now();
    await plane.apply({ updates });
    times.push(performance.now() - start);
  }
  rows.push({ name, ms: median(times) });
}

const initial: ProgramUpdate[] = [];
for (let i = 0; i < sets; i++) {
  const members = new Set(Array.from({ length: 100 }, (_, n) => `10.${i >> 8}.${i & 255}.${n}`));
  initial.push({
    op: 'put',
    kind: 'ip-set',
    key: `s:set${i}`,
    value: { id: `s:set${i}`, kind: 'net', members },
  });
}
for (let i = 0; i < policies; i++) initial.push(policy(i, 1000));
for (let i = 0; i < 205; i++) initial.push(workload(i, 1001));

await timed('start from an empty kernel', () => plane.apply({ updates: initial, interfaces }));
await each('one set member', 100, (i) => [
  { op: 'members', id: 's:set7', added: [`172.16.0.${i}`], removed: i > 0 ? [`172.16.0.${i - 1}`] : [] },
]);
await each('one policy', 50, (i) => [policy(5, 2000 + i)]);
await each('one endpoint added', 50, (i) => [workload(1000 + i, 20)]);
await timed('resync without drift', () => plane.resync());
const again = createNftDataplane({ settings: settingsOf({ FELIX_IPV6SUPPORT: 'false' }), namespace });
await timed('start over own rules', () => again.apply({ updates: initial, interfaces }));
again.close();
plane.close();

if (process.argv.includes('--json')) console.log(JSON.stringify(rows, null, 2));
else for (const { name, ms } of rows) console.log(`${name.padEnd(32)} ${ms.toFixed(2).padStart(9)} ms`);
process.exit(0);
