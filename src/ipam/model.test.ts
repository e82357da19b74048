import { test } from 'bun:test';
import { MemoryKv } from '../datastore/index.ts';
import { checkAgainstModel } from './model.ts';

/** Runs; the default keeps the suite quick. */
const runs = Number(process.env['IPAM_RUNS'] ?? 1000);

test('no address is leaked or given twice, whatever is lost, late or in conflict', async () => {
  await checkAgainstModel(() => new MemoryKv(), runs);
}, 600_000);
