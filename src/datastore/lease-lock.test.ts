import { expect, test } from 'bun:test';
import { LeaseLock } from './lease-lock.ts';
import { memoryDatastore } from './memory/index.ts';

test('one holds it, renews it, gives it back; a dead holder loses it', async () => {
  const store = memoryDatastore();
  const one = new LeaseLock(store, 'task', 'one', 60);
  const two = new LeaseLock(store, 'task', 'two', 60);
  expect(await Promise.all([one.hold(), two.hold()])).toEqual([true, false]);
  expect(await one.hold()).toBe(true);
  await two.release();
  expect(await two.hold()).toBe(false);
  await one.release();
  expect(await two.hold()).toBe(true);
  const brief = new LeaseLock(store, 'other', 'one', 1);
  expect(await brief.hold()).toBe(true);
  const { revision } = await store.list({ type: 'raw', prefix: '/calico-ts/' });
  for await (const event of store.watch({ type: 'raw', prefix: '/calico-ts/locks/other' }, revision)) {
    if (event.type === 'delete') break;
  }
  expect(await new LeaseLock(store, 'other', 'two', 60).hold()).toBe(true);
  store.close();
});
