import { describe, expect, test } from 'bun:test';
import { type ObjectDriver, Reconciler } from './reconciler.ts';

/** A kernel in memory that counts and can refuse. */
function fakeKernel(initial: Record<string, string> = {}) {
  const objects = new Map(Object.entries(initial));
  const log: string[] = [];
  const refuse = new Set<string>();
  const driver: ObjectDriver<string> = {
    noun: 'thing',
    read: () => new Map(objects),
    equal: (a, b) => a === b,
    describe: (key, value) => `${key}=${value}`,
    apply: (changes) => {
      const failed = new Map<string, Error>();
      for (const change of changes) {
        log.push(change.op === 'set' ? `${change.key}=${change.value}` : `-${change.key}`);
        if (refuse.has(change.key)) failed.set(change.key, new Error('refused'));
        else if (change.op === 'set') objects.set(change.key, change.value);
        else objects.delete(change.key);
      }
      return failed;
    },
  };
  return { objects, log, refuse, reconciler: new Reconciler(driver) };
}

describe('the first apply', () => {
  test('writes the difference only, and sweeps what is ours and not wanted', async () => {
    const kernel = fakeKernel({ kept: '1', changed: '1', stray: '1' });
    for (const [key, value] of Object.entries({ kept: '1', changed: '2', added: '3' }))
      kernel.reconciler.want(key, value);
    expect(kernel.log).toEqual([]);
    await kernel.reconciler.apply(0);
    expect(kernel.log.sort()).toEqual(['-stray', 'added=3', 'changed=2']);
  });
  test('is no drift', async () => {
    const kernel = fakeKernel({ stray: '1' });
    kernel.reconciler.want('a', '1');
    expect(await kernel.reconciler.resync(0)).toEqual({ missing: [], different: [], stray: [] });
  });
});

describe('later', () => {
  test('only what changed is written, deletions first', async () => {
    const kernel = fakeKernel();
    for (const key of ['a', 'b', 'c']) kernel.reconciler.want(key, '1');
    await kernel.reconciler.apply(0);
    kernel.log.length = 0;
    kernel.reconciler.want('c', '2');
    kernel.reconciler.want('a', undefined);
    kernel.reconciler.want('b', '1');
    await kernel.reconciler.apply(0);
    expect(kernel.log).toEqual(['-a', 'c=2']);
  });
  test('an object that came and went between applies is not written', async () => {
    const kernel = fakeKernel();
    await kernel.reconciler.apply(0);
    kernel.reconciler.want('a', '1');
    kernel.reconciler.want('a', undefined);
    await kernel.reconciler.apply(0);
    expect(kernel.log).toEqual([]);
  });
  test('a doubted object is written again although nothing is known to differ', async () => {
    const kernel = fakeKernel();
    kernel.reconciler.want('a', '1');
    await kernel.reconciler.apply(0);
    kernel.objects.delete('a');
    kernel.reconciler.doubt('a');
    await kernel.reconciler.apply(0);
    expect(kernel.objects.get('a')).toBe('1');
  });
});

describe('drift', () => {
  test('is told and repaired by a resync', async () => {
    const kernel = fakeKernel();
    for (const key of ['gone', 'changed', 'fine']) kernel.reconciler.want(key, '1');
    await kernel.reconciler.apply(0);
    kernel.objects.delete('gone');
    kernel.objects.set('changed', 'x');
    kernel.objects.set('foreign', 'y');
    expect(await kernel.reconciler.resync(0)).toEqual({
      missing: ['gone=1'],
      different: ['changed=1'],
      stray: ['foreign=y'],
    });
    expect(Object.fromEntries(kernel.objects)).toEqual({ gone: '1', changed: '1', fine: '1' });
    expect(await kernel.reconciler.resync(0)).toEqual({ missing: [], different: [], stray: [] });
  });
  test('an event that echoes our own writing is no contradiction', async () => {
    const kernel = fakeKernel();
    kernel.reconciler.want('a', '1');
    expect(kernel.reconciler.contradicts('a', undefined)).toBe(false);
    await kernel.reconciler.apply(0);
    expect(kernel.reconciler.contradicts('a', '1')).toBe(false);
    expect(kernel.reconciler.contradicts('a', undefined)).toBe(true);
    expect(kernel.reconciler.contradicts('a', '2')).toBe(true);
    expect(kernel.reconciler.contradicts('b', undefined)).toBe(false);
    expect(kernel.reconciler.contradicts('b', '1')).toBe(true);
  });
});

describe('an object that is refused', () => {
  test('does not hold up others, and is tried again with a growing pause', async () => {
    const kernel = fakeKernel();
    kernel.refuse.add('bad');
    kernel.reconciler.want('bad', '1');
    kernel.reconciler.want('good', '1');
    const outcome = await kernel.reconciler.apply(1000);
    expect(kernel.objects.get('good')).toBe('1');
    expect([...outcome.failed.keys()]).toEqual(['bad']);
    expect(outcome.retryAt).toBe(1100);
    kernel.log.length = 0;
    expect(kernel.reconciler.isDue(1050)).toBe(false);
    await kernel.reconciler.apply(1050);
    expect(kernel.log).toEqual([]);
    expect((await kernel.reconciler.apply(1100)).retryAt).toBe(1300);
    kernel.refuse.clear();
    await kernel.reconciler.apply(1300);
    expect(kernel.objects.get('bad')).toBe('1');
    expect(kernel.reconciler.failures.size).toBe(0);
  });
  test('is tried at once when what is wanted changes', async () => {
    const kernel = fakeKernel();
    kernel.refuse.add('bad');
    kernel.reconciler.want('bad', '1');
    await kernel.reconciler.apply(0);
    kernel.refuse.clear();
    kernel.reconciler.want('bad', '1');
    await kernel.reconciler.apply(1);
    expect(kernel.objects.get('bad')).toBe('1');
  });
});
