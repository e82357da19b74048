import { describe, expect, test } from 'bun:test';
import { type ProbedSession, type ProbeFlags, probe } from './probes.ts';

const none: ProbeFlags = {
  felixLive: false,
  felixReady: false,
  birdLive: false,
  birdReady: false,
  bird6Live: false,
  bird6Ready: false,
  thresholdSeconds: 30,
};
const up = (address: string): ProbedSession => ({ address, established: true, gracefulRestart: false });
const down = (address: string): ProbedSession => ({ address, established: false, gracefulRestart: false });

async function run(
  flags: Partial<ProbeFlags>,
  sessions: readonly ProbedSession[] | Error,
  age = 100,
  status = 200,
) {
  return probe(
    { ...none, ...flags },
    {
      fetchStatus: async () => status,
      sessions: async () => {
        if (sessions instanceof Error) throw sessions;
        return sessions;
      },
      ageSeconds: () => age,
    },
  );
}

describe('probe', () => {
  test('felix', async () => {
    expect(await run({ felixLive: true, felixReady: true }, [])).toBeUndefined();
    expect(await run({ felixReady: true }, [], 100, 503)).toBe(
      'calico/node is not ready: felix is not ready: readiness probe reporting 503',
    );
  });

  test('BIRD without peers is ready', async () => expect(await run({ birdReady: true }, [])).toBeUndefined());
  test('one established session is enough later', async () =>
    expect(await run({ birdReady: true }, [up('10.0.0.1'), down('10.0.0.2')])).toBeUndefined());
  test('all must be established while starting', async () =>
    expect(await run({ birdReady: true }, [up('10.0.0.1'), down('10.0.0.2')], 3)).toBe(
      'calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.2',
    ));
  test('none established', async () =>
    expect(await run({ birdReady: true }, [down('10.0.0.2'), down('10.0.0.3')])).toBe(
      'calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.2,10.0.0.3',
    ));
  test('BIRD that does not answer is not live', async () =>
    expect(await run({ birdLive: true }, new Error('no answer'))).toBe(
      'calico/node is not live: BIRD is not live: no answer',
    ));
});
