import { describe, expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KvStore, MemoryKv } from '../datastore/index.ts';
import {
  abort,
  clusterInformationPath,
  memoryV1Store,
  readJson,
  StatusText,
  type V1Store,
} from '../upgrade/index.ts';
import { type Journal, memoryJournal } from './journal.ts';
import { type RunContext, run } from './run.ts';

const dump = {
  '/calico/v1/Ready': 'true',
  '/calico/v1/config/CalicoVersion': 'v2.6.12',
  '/calico/v1/host/node1/metadata': '{}',
  '/calico/bgp/v1/host/node1/ip_addr_v4': '10.0.0.1',
  '/calico/bgp/v1/host/node1/network_v4': '10.0.0.0/24',
  '/calico/v1/ipam/v4/pool/10.233.64.0-18': '{"cidr":"10.233.64.0/18","masquerade":true}',
  '/calico/v1/policy/profile/p/tags': '["a"]',
  '/calico/v1/host/node1/workload/k8s/default.web/endpoint/eth0':
    '{"state":"active","name":"cali1","profile_ids":["p"],"ipv4_nets":["10.233.64.2/32"]}',
  '/calico/ipam/v2/host/node1/ipv4/block/10.233.64.0-26': '{}',
};

/** A world that survives its processes. */
interface World {
  readonly v1: ReturnType<typeof memoryV1Store>;
  readonly v3: MemoryKv;
  readonly journal: Journal;
  output: string;
}

const world = (): World => ({
  v1: memoryV1Store(dump),
  v3: new MemoryKv(),
  journal: memoryJournal(),
  output: '',
});

/** A process in that world which is gone after some operations: every later one fails, cleaning up included. */
function context(
  of: World,
  operations = Number.POSITIVE_INFINITY,
  more: Partial<RunContext> = {},
): RunContext {
  let left = operations;
  const mortal = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const member = Reflect.get(object, name) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (--left < 0) throw new Error('killed');
          return Reflect.apply(member, object, args);
        };
      },
    });
  return {
    stores: { v1: mortal<V1Store>(of.v1), v3: mortal<KvStore>(of.v3) },
    journal: mortal(of.journal),
    out: new StatusText({
      write: (text) => {
        of.output += text;
      },
    }),
    outputDir: join(tmpdir(), 'calico-run-test/start'),
    dryRunDir: join(tmpdir(), 'calico-run-test'),
    ignoreV3Data: false,
    noPrompts: true,
    prompt: async () => undefined,
    sleep: async () => {},
    now: () => new Date(0),
    uuid: () => 'uid',
    enabled: true,
    hosts: ['node1'],
    agentsMoved: true,
    pid: 1,
    isAlive: () => false,
    ...more,
  };
}

const isReady = async (of: World) =>
  ((await readJson(of.v3, clusterInformationPath))?.['spec'] as { datastoreReady?: boolean } | undefined)
    ?.datastoreReady;

async function keys(of: World): Promise<readonly string[]> {
  return (await of.v3.range({ key: '/calico/', end: '/calico0' })).pairs.map(({ key }) => key);
}

async function operationsOfAWholeRun(): Promise<number> {
  for (let operations = 1; ; operations++) {
    const one = world();
    if ((await run(context(one, operations)).catch(() => 1)) === 0 && (await isReady(one))) return operations;
  }
}

describe('killed at every instant', async () => {
  const whole = await operationsOfAWholeRun();
  const reference = world();
  await run(context(reference));
  const expected = await keys(reference);

  test('there are instants enough', () => {
    expect(whole).toBeGreaterThan(30);
    expect(expected.length).toBe(6);
  });

  test('a run can always be finished', async () => {
    for (let instant = 0; instant < whole; instant++) {
      const one = world();
      await run(context(one, instant)).catch(() => undefined);
      // A pod goes away between the attempts: what the first wrote of it must not stay.
      const finished = (await isReady(one)) === true;
      if (!finished) one.v1.data.delete('/calico/v1/host/node1/workload/k8s/default.web/endpoint/eth0');
      const agents =
        one.journal.state()?.phase === 'agents' && one.v1.data.get('/calico/v1/Ready') !== 'true';
      expect([instant, await run(context(one))]).toEqual([instant, 0]);
      expect(await isReady(one)).toBe(true);
      const pods = (await keys(one)).filter((key) => key.includes('workloadendpoints'));
      expect([instant, pods.length]).toEqual([instant, finished || agents ? 1 : 0]);
    }
  });

  test('a run can always be aborted, and done after that', async () => {
    for (let instant = 0; instant < whole; instant++) {
      const one = world();
      await run(context(one, instant)).catch(() => undefined);
      if ((await isReady(one)) === true) continue;
      expect(await abort(context(one))).toBe(0);
      expect(one.v1.data.get('/calico/v1/Ready')).toBe('true');
      expect(await isReady(one)).not.toBe(true);
      expect([instant, await run(context(one))]).toEqual([instant, 0]);
      expect(await keys(one)).toEqual(expected);
    }
  });
});

test('v2 data is untouched but for Ready', async () => {
  const one = world();
  await run(context(one));
  expect(Object.fromEntries(one.v1.data)).toEqual({ ...dump, '/calico/v1/Ready': 'false' });
});

test('it waits for agents, names the hosts, and goes on', async () => {
  const one = world();
  expect(await run(context(one, undefined, { agentsMoved: false }))).toBe(3);
  expect(one.output).toContain(' * node1');
  expect(await run(context(one, undefined, { agentsMoved: false }))).toBe(3);
  expect(await run(context(one))).toBe(0);
  expect(one.output).toContain('calico backup create');
});

test.each([
  ['v2.6.4', true, 'not fresh enough for upgrade. Minimum version v2.6.5'],
  ['v3.1.0', true, 'there is nothing to upgrade'],
  ['v2.6.9', false, 'calico_upgrade_enabled'],
])('the gate: %s, enabled %p', async (version, enabled, text) => {
  const one = world();
  one.v1.data.set('/calico/v1/config/CalicoVersion', version);
  expect(await run(context(one, undefined, { enabled }))).toBe(1);
  expect(one.output.replace(/\s+/g, ' ')).toContain(text);
  expect(await keys(one)).toEqual([]);
});

test('a pause by others, and a run that is alive, are respected', async () => {
  const paused = world();
  paused.v1.data.set('/calico/v1/Ready', 'false');
  expect(await run(context(paused))).toBe(1);
  const busy = world();
  await run(context(busy, undefined, { agentsMoved: false }));
  expect(await run(context(busy, undefined, { pid: 2, isAlive: () => true }))).toBe(1);
  expect(busy.output).toContain('Another run');
});

test('foreign v3 data is not overwritten', async () => {
  const one = world();
  await one.v3.put('/calico/resources/v3/projectcalico.org/ippools/mine', Buffer.from('{}'));
  expect(await run(context(one))).toBe(1);
  expect(one.v1.data.get('/calico/v1/Ready')).toBe('true');
});
