/** A simple model of the allocator, and the property that the real one keeps to it whatever is lost, late or in conflict. */
import { expect } from 'bun:test';
import fc from 'fast-check';
import { KvDatastore, type KvStore } from '../datastore/index.ts';
import { type Fault, FaultyKv } from './faulty.ts';
import {
  addressAt,
  attributeAt,
  createIpam,
  handleCounts,
  type Ipam,
  ownerHost,
  parseBlock,
  parseHandle,
} from './index.ts';

const hosts = ['node1', 'node2'] as const;

type Step =
  | {
      readonly op: 'assign';
      readonly host: 0 | 1;
      readonly handle: number;
      readonly count: number;
      readonly v6: boolean;
    }
  | { readonly op: 'release'; readonly host: 0 | 1; readonly handle: number }
  | { readonly op: 'release-ip'; readonly host: 0 | 1; readonly index: number }
  | { readonly op: 'assign-ip'; readonly host: 0 | 1; readonly handle: number; readonly ordinal: number }
  | { readonly op: 'give-up-blocks'; readonly host: 0 | 1 };

const host = fc.constantFrom(0 as const, 1 as const);
const handle = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('assign' as const),
      host,
      handle,
      count: fc.integer({ min: 1, max: 3 }),
      v6: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('release' as const), host, handle }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('release-ip' as const), host, index: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('assign-ip' as const), host, handle, ordinal: fc.nat(15) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('give-up-blocks' as const), host }) },
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('none' as const) },
  { weight: 5, arbitrary: fc.constantFrom<Fault>('reply-lost', 'request-lost', 'late', 'later', 'conflict') },
);

/** Who holds what, as far as the callers know, and what each ever held. */
class Model extends Map<string, string> {
  readonly ever = new Set<string>();

  override set(address: string, id: string): this {
    this.ever.add(`${id} ${address}`);
    return super.set(address, id);
  }
}

async function setUp(inner: KvStore, faults: readonly Fault[]) {
  const kv = new FaultyKv(inner, faults);
  kv.armed = false;
  const store = new KvDatastore('memory', kv);
  const put = (kind: string, name: string, spec: Record<string, unknown>) =>
    store.put({ type: 'resource', kind, name }, { apiVersion: '', kind, metadata: { name }, spec });
  for (const name of hosts) await put('Node', name, {});
  await put('IPPool', 'p4', { cidr: '10.0.0.0/28', blockSize: 30 });
  await put('IPPool', 'p6', { cidr: 'fd00::/124', blockSize: 126 });
  kv.armed = true;
  let time = Date.parse('2026-01-05T10:00:00Z');
  const now = () => {
    time += 20_000;
    return new Date(time);
  };
  return { kv, store, ipams: [createIpam(store, { now }), createIpam(store, { now })] as const };
}

/** Carries out a step, and tells the model what its caller may rely on. No call fails: what is lost is settled. */
async function run(step: Step, ipams: readonly [Ipam, Ipam], model: Model): Promise<void> {
  const ipam = ipams[step.host];
  const name = (index: number) => `h${step.host}-${index}`;
  const take = (address: string, id: string) => {
    expect(model.get(address)).toBeUndefined();
    model.set(address, id);
  };
  switch (step.op) {
    case 'assign': {
      const id = name(step.handle);
      const result = await ipam.autoAssign({
        v4: step.v6 ? 0 : step.count,
        v6: step.v6 ? step.count : 0,
        handle: id,
        host: hosts[step.host],
        use: 'Workload',
        attributes: { node: hosts[step.host] },
      });
      for (const { address } of [...result.v4.addresses, ...result.v6.addresses]) take(address, id);
      return;
    }
    case 'assign-ip': {
      const id = name(step.handle);
      const address = `10.0.0.${step.ordinal}`;
      const result = await ipam.assignIp({ address, handle: id, host: hosts[step.host] });
      if (result.ok) take(address, id);
      return;
    }
    case 'release': {
      const id = name(step.handle);
      const held = [...model].filter(([, holder]) => holder === id).map(([address]) => address);
      for (const address of held) model.delete(address);
      const { released } = await ipam.releaseByHandle(id);
      for (const address of released) expect(model.ever).toContain(`${id} ${address}`);
      return;
    }
    case 'release-ip': {
      const mine = [...model].filter(([, id]) => id.startsWith(`h${step.host}`));
      const [address, id] = mine[step.index % Math.max(1, mine.length)] ?? [];
      if (address === undefined || id === undefined) return;
      model.delete(address);
      await ipam.releaseIps([{ address, handle: id }]);
      return;
    }
    case 'give-up-blocks':
      await ipam.releaseHostAffinities(hosts[step.host], { mustBeEmpty: true });
      return;
  }
}

/** What must hold of the store at rest. */
async function check(store: KvDatastore, model: Model): Promise<void> {
  const blocks = (await store.list({ type: 'block' })).items.map(({ value }) => parseBlock(value as never));
  const stored = new Map<string, string>();
  const counts = new Map<string, Map<string, number>>();
  for (const block of blocks) {
    const taken = block.allocations.flatMap((index, ordinal) => (index === null ? [] : [ordinal]));
    expect([...block.unallocated, ...taken].sort((a, b) => a - b)).toEqual(
      block.allocations.map((_, ordinal) => ordinal),
    );
    const used = new Set(block.allocations.filter((index) => index !== null));
    expect(used.size).toBe(block.attributes?.length ?? 0);
    for (const ordinal of taken)
      stored.set(addressAt(block, ordinal), attributeAt(block, ordinal)?.handle ?? '');
    for (const [id, count] of handleCounts(block)) {
      counts.set(id, (counts.get(id) ?? new Map<string, number>()).set(block.text, count));
    }
    if (block.affinity === undefined) expect(taken.length).toBeGreaterThan(0);
  }
  expect([...stored].sort()).toEqual([...model].sort());
  const handles = (await store.list({ type: 'handle' })).items.map(
    ({ key, value }) => [(key as { id: string }).id, new Map(parseHandle(value as never).blocks)] as const,
  );
  const sorted = (map: Map<string, Map<string, number>>) =>
    [...map].map(([id, blocks]) => [id, [...blocks].sort()]).sort();
  expect(sorted(new Map(handles))).toEqual(sorted(counts));
  const owned = blocks.flatMap((block) => (block.affinity ? [`${ownerHost(block)} ${block.text}`] : []));
  const keys = (await store.list({ type: 'affinity' })).items.map(({ key, value }) => {
    expect(value).toEqual({ state: 'confirmed', deleted: false });
    return key.type === 'affinity' ? `${key.host} ${key.cidr}` : '';
  });
  expect(keys.sort()).toEqual(owned.sort());
}

async function scenario(
  inner: KvStore,
  steps: readonly (readonly Step[])[],
  faults: readonly Fault[],
): Promise<void> {
  const { kv, store, ipams } = await setUp(inner, faults);
  const model = new Model();
  // Steps of one group overlap; a handle is used once in a group, as a runtime does with a container.
  for (const group of steps) {
    const used = new Set<string>();
    const distinct = group.filter((step) => {
      const name = 'handle' in step ? `${step.host}-${step.handle}` : `${step.host}-${step.op}`;
      if (used.has(name)) return false;
      used.add(name);
      return true;
    });
    await Promise.all(distinct.map((step) => run(step, ipams, model)));
  }
  kv.armed = false;
  await kv.settle();
  await check(store, model);
}

/** Checks the property on stores that `open` gives empty, one per run. */
export async function checkAgainstModel(
  open: () => Promise<KvStore> | KvStore,
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
      fc.array(fault, { maxLength: 40 }),
      async (steps, faults) => scenario(await open(), steps, faults),
    ),
    { numRuns },
  );
}
