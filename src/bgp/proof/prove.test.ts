import { describe, expect, test } from 'bun:test';
import type { ModelSession, ReachabilityModel, Speaker } from './model.ts';
import { proveFailures, proveReachability } from './prove.ts';

const host = (name: string, asNumber = 64512): Speaker => ({
  name,
  kind: 'host',
  asNumber,
  originates: true,
  needs: true,
});
const reflector = (name: string, clusterId: string): Speaker => ({ ...host(name), clusterId });
const router = (name: string, asNumber: number): Speaker => ({
  name,
  kind: 'router',
  asNumber,
  originates: false,
  needs: false,
});
const session = (a: Speaker, b: Speaker, more: Partial<ModelSession> = {}): ModelSession => ({
  a: a.name,
  b: b.name,
  aAS: a.asNumber,
  bAS: b.asNumber,
  clientOfA: a.clusterId !== undefined && b.clusterId !== a.clusterId && a.asNumber === b.asNumber,
  clientOfB: b.clusterId !== undefined && b.clusterId !== a.clusterId && a.asNumber === b.asNumber,
  ...more,
});
const hosts = (count: number) => Array.from({ length: count }, (_, index) => host(`n${index}`));
const pairs = (all: readonly Speaker[]) =>
  all.flatMap((a, index) => all.slice(index + 1).map((b) => session(a, b)));
const receivers = (model: ReachabilityModel) => proveReachability(model).losses.map((one) => one.receiver);

describe('proveReachability', () => {
  test('a full mesh reaches everything', () => {
    const speakers = hosts(10);
    expect(proveReachability({ speakers, sessions: pairs(speakers) }).losses).toEqual([]);
  });

  test('a mesh that lacks one session loses exactly that pair', () => {
    const speakers = hosts(6);
    const sessions = pairs(speakers).filter(({ a, b }) => !(a === 'n1' && b === 'n4'));
    expect(proveReachability({ speakers, sessions }).losses).toEqual([
      { receiver: 'n1', missing: 1, examples: ['n4'] },
      { receiver: 'n4', missing: 1, examples: ['n1'] },
    ]);
  });

  test('iBGP is not passed on: a chain loses its ends', () => {
    const [a, b, c] = hosts(3) as [Speaker, Speaker, Speaker];
    expect(receivers({ speakers: [a, b, c], sessions: [session(a, b), session(b, c)] })).toEqual([
      'n0',
      'n2',
    ]);
  });

  test('clients of one reflector of two in a cluster do not reach those of the other', () => {
    const [r0, r1] = [reflector('r0', '1.0.0.1'), reflector('r1', '1.0.0.1')];
    const [a, b] = hosts(2) as [Speaker, Speaker];
    const sessions = [session(r0, r1), session(r0, a), session(r1, b)];
    expect(receivers({ speakers: [r0, r1, a, b], sessions })).toEqual(['n0', 'n1']);
  });

  test('reflectors of different clusters pass on', () => {
    const [r0, r1] = [reflector('r0', '1.0.0.1'), reflector('r1', '1.0.0.2')];
    const [a, b] = hosts(2) as [Speaker, Speaker];
    const sessions = [session(r0, r1), session(r0, a), session(r1, b)];
    expect(receivers({ speakers: [r0, r1, a, b], sessions })).toEqual([]);
  });

  test('one AS on both sides of routers is a loop, allowing it once cures that', () => {
    const [a, b] = [host('a', 65001), host('b', 65001)];
    const r = router('10.0.0.254', 64601);
    const model = (allow?: number): ReachabilityModel => ({
      speakers: [a, b, r],
      sessions: [a, b].map((one) => session(one, r, allow === undefined ? {} : { allowLocalA: allow })),
    });
    expect(receivers(model())).toEqual(['a', 'b']);
    expect(receivers(model(1))).toEqual([]);
  });

  test('an own AS per host reaches through routers', () => {
    const speakers = [host('a', 65001), host('b', 65002), host('c', 65003)];
    const r = router('10.0.0.254', 64601);
    const sessions = speakers.map((one) => session(one, r));
    expect(receivers({ speakers: [...speakers, r], sessions })).toEqual([]);
  });
});

describe('proveFailures', () => {
  test('two reflectors survive each other, one does not', () => {
    const clients = hosts(20);
    const [r0, r1] = [reflector('r0', '1.0.0.1'), reflector('r1', '1.0.0.1')];
    const two: ReachabilityModel = {
      speakers: [r0, r1, ...clients],
      sessions: [session(r0, r1), ...clients.flatMap((one) => [session(r0, one), session(r1, one)])],
    };
    expect(proveReachability(two).losses).toEqual([]);
    expect(proveFailures(two).map(({ losses }) => losses)).toEqual([[]]);
    const one: ReachabilityModel = {
      speakers: [r0, ...clients],
      sessions: clients.map((client) => session(r0, client)),
    };
    const [only] = proveFailures(one);
    expect(only!.failure).toEqual({ kind: 'speaker', name: 'r0' });
    expect(only!.losses).toHaveLength(20);
    expect(only!.losses[0]).toEqual({ receiver: 'n0', missing: 19, examples: ['n1', 'n2', 'n3'] });
  });
});

describe('like speakers are looked at once', () => {
  /** The definition, without classes: what a plain search over all speakers gives. */
  const plain = (model: ReachabilityModel) => {
    const numbered = {
      ...model,
      // A router per speaker makes every speaker one of its kind.
      speakers: [...model.speakers, ...model.speakers.map((_, index) => router(`x${index}`, 70000 + index))],
      sessions: [
        ...model.sessions,
        ...model.speakers.map((one, index) => session(one, router(`x${index}`, 70000 + index))),
      ],
    };
    return proveReachability(numbered).losses;
  };

  test('random graphs of reflectors and hosts: classes change nothing', () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    for (let round = 0; round < 200; round++) {
      const speakers = Array.from({ length: 7 }, (_, index) =>
        random() < 0.3 ? reflector(`n${index}`, `1.0.0.${Math.floor(random() * 2)}`) : host(`n${index}`),
      );
      const sessions = pairs(speakers).filter(() => random() < 0.5);
      const model = { speakers, sessions };
      expect(proveReachability(model).losses.map(({ receiver, missing }) => [receiver, missing])).toEqual(
        plain(model).map(({ receiver, missing }) => [receiver, missing]),
      );
    }
  });
});
