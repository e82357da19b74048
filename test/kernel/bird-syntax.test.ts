/** Every configuration that we make of the recorded clusters is one that BIRD 2 accepts. */
import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderBird } from '../../src/bgp/index.ts';
import { ourNodes } from '../golden/bgp/ours.ts';
import type { RecordedCase } from '../golden/bgp/recorded.ts';

const fixtures = join(import.meta.dirname, '../golden/fixtures/bgp');

test('BIRD accepts what we make of every recorded cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bird-syntax-'));
  const file = join(folder, 'bird.conf');
  const refused: string[] = [];
  let checked = 0;
  for (const name of readdirSync(fixtures)) {
    const recorded = JSON.parse(readFileSync(join(fixtures, name), 'utf8')) as RecordedCase;
    if (!recorded.input.resources) continue;
    for (const [node, { config }] of ourNodes(recorded)) {
      writeFileSync(file, renderBird(config));
      const { status, stderr } = spawnSync('/usr/sbin/bird', ['-p', '-c', file], { encoding: 'utf8' });
      checked++;
      if (status !== 0) refused.push(`${name} ${node}: ${stderr.trim()}`);
    }
  }
  rmSync(folder, { recursive: true, force: true });
  expect(refused).toEqual([]);
  expect(checked).toBeGreaterThan(150);
}, 60_000);
