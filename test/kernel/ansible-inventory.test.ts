/**
 * Generated inventories, read by Debian's `ansible-inventory --list` and by us: every variable of every host agrees.
 * `INVENTORIES=300 bun test test/kernel/ansible-inventory.test.ts` runs more of them.
 */
import { afterAll, expect, test } from 'bun:test';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { loadInventory, memoryFiles, toJson } from '../../src/kubespray/index.ts';
import { generateInventory } from '../support/generated-inventory.ts';

const program = '/usr/bin/ansible-inventory';
const count = Number(process.env['INVENTORIES'] ?? 6);
const root = mkdtempSync(join(tmpdir(), 'inventories-'));
afterAll(() => rmSync(root, { recursive: true, force: true }), 60_000);

interface Listing {
  readonly _meta: { readonly hostvars: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

async function ansible(folder: string, source: string): Promise<Listing> {
  const { stdout } = await promisify(execFile)(program, ['-i', source, '--list'], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder, LC_ALL: 'C.UTF-8', ANSIBLE_DEPRECATION_WARNINGS: 'false' },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Listing;
}

function ours(
  files: Readonly<Record<string, string>>,
  source: string,
): Record<string, Record<string, unknown>> {
  const loaded = loadInventory([source], { files: memoryFiles(files), playDirectory: '.' });
  const result: Record<string, Record<string, unknown>> = {};
  for (const host of loaded.inventory.hosts.values()) {
    const variables = Object.fromEntries(
      [...loaded.variables(host)].map(([name, { value }]) => [name, toJson(value)]),
    );
    if (Object.keys(variables).length > 0) result[host.name] = variables;
  }
  return result;
}

for (let seed = 1; seed <= count; seed++) {
  test.skipIf(!existsSync(program))(
    `inventory ${seed}`,
    async () => {
      const { source, files } = generateInventory(seed);
      const folder = join(root, String(seed));
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const { hostvars } = (await ansible(folder, source))._meta;
      rmSync(folder, { recursive: true });
      expect(ours(files, source)).toEqual(hostvars as Record<string, Record<string, unknown>>);
    },
    60_000,
  );
}
