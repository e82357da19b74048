import { expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

test('the kernel access is inside the compiled executable: it needs no file of node_modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'executable-'));
  try {
    const program = join(folder, 'program');
    const source = join(import.meta.dir, 'fixtures', 'kernel-access.ts');
    execFileSync(process.execPath, ['build', '--compile', source, '--outfile', program], { stdio: 'pipe' });
    const said: unknown = JSON.parse(execFileSync(program, { cwd: folder, encoding: 'utf8' }));
    expect(said).toMatchObject({
      links: expect.arrayContaining(['lo']),
      nft: 'table ip embedded\n',
      fromModules: [],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
