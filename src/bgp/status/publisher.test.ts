import { expect, test } from 'bun:test';
import { memoryDatastore } from '../../datastore/index.ts';
import { StatusPublisher } from './publisher.ts';
import { type PublishedStatus, parsePublishedStatus, statusPrefix } from './report.ts';

const status = (state: string, imported = 0): PublishedStatus => ({
  node: 'n1',
  health: [],
  sessions: [{ name: 'Mesh_10_0_0_2', state, since: '10:00:00', reason: '', imported, exported: 1 }],
});

test('is written on change and before it expires, not for counters', async () => {
  const store = memoryDatastore();
  const warnings: string[] = [];
  const log = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
  let writes = 0;
  let broken = false;
  const publisher = new StatusPublisher(
    {
      put: (...args) => {
        writes++;
        if (broken) return Promise.reject(new Error('away'));
        return store.put(...args);
      },
    },
    log,
  );
  await publisher.publish(status('Active'), 0);
  await publisher.publish(status('Active', 5), 1000);
  expect(writes).toBe(1);
  await publisher.publish(status('Established'), 2000);
  expect(writes).toBe(2);
  await publisher.publish(status('Established', 9), 63_000);
  expect(writes).toBe(3);
  const [entry] = (await store.list({ type: 'raw', prefix: statusPrefix })).items;
  expect(parsePublishedStatus(entry!.value as never)).toEqual(status('Established', 9));

  broken = true;
  await publisher.publish(status('Idle'), 64_000);
  await publisher.publish(status('Idle'), 65_000);
  expect(warnings).toHaveLength(1);
  broken = false;
  await publisher.publish(status('Idle'), 66_000);
  expect(writes).toBe(6);
});
