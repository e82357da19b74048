import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallGuard } from './guard.ts';
import type { CniReply, CniRequest } from './types.ts';

const done: CniReply = { exit: 0, stdout: '', stderr: '' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cni-guard-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Each has its own open files, as two processes have. */
const guardOf = () => new CallGuard({ locks: join(folder, 'locks'), journal: join(folder, 'journal') });

function request(command: string, id = 'a', ifName = 'eth0'): CniRequest {
  const env = { CNI_COMMAND: command, CNI_CONTAINERID: id, CNI_IFNAME: ifName, SECRET: 'x' };
  return { program: 'calico', env, stdin: '{"name":"net"}' };
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

test('calls for one interface wait for each other across processes, others do not', async () => {
  const order: string[] = [];
  const hold = gate();
  const began = gate();
  const first = guardOf()
    .arrive(request('ADD'))
    .run(async () => {
      began.open();
      await hold.opened;
      order.push('first');
      return done;
    });
  await began.opened;
  const second = guardOf()
    .arrive(request('ADD'))
    .run(async () => {
      order.push('second');
      return done;
    });
  await guardOf()
    .arrive(request('ADD', 'b'))
    .run(async () => {
      order.push('other');
      return done;
    });
  hold.open();
  await Promise.all([first, second]);
  expect(order).toEqual(['other', 'first', 'second']);
});

test('a DEL stops the ADD that came before it, not the one after', async () => {
  const guard = guardOf();
  const add = guard.arrive(request('ADD'));
  await new Promise((resolve) => setTimeout(resolve, 3));
  const del = guardOf().arrive(request('DEL'));
  const seen: boolean[] = [];
  const look = async (cancelled: () => boolean) => {
    seen.push(cancelled());
    return done;
  };
  await add.run(look);
  await del.run(look);
  await guard.arrive(request('ADD')).run(look);
  expect(seen).toEqual([true, false, false]);
});

test('an ADD is in the journal while it runs, and is taken back when its process died', async () => {
  const journal = join(folder, 'journal');
  const records: string[] = [];
  await guardOf()
    .arrive(request('ADD'))
    .run(async () => {
      records.push(...readdirSync(journal));
      return done;
    });
  expect([records.length, readdirSync(journal)]).toEqual([1, []]);
  // A process that dies removes nothing.
  const record = join(journal, records[0]!);
  writeFileSync(record, JSON.stringify({ ...request('ADD'), env: request('ADD').env }));
  const taken: (string | undefined)[] = [];
  const away: CniReply = { exit: 1, stdout: '', stderr: '' };
  const recover = (reply: CniReply) =>
    guardOf().recover(async ({ env }) => {
      taken.push(env['CNI_COMMAND']);
      return reply;
    });
  expect(await recover(away)).toBe(1);
  expect(await recover(done)).toBe(1);
  expect(await recover(done)).toBe(0);
  expect(taken).toEqual(['DEL', 'DEL']);
});
