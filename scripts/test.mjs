// The project's whole test: types, lint and format, unit tests, kernel tests, lab tests, recordings.
//   npm test [-- STAGE…]     stages: check build unit kernel lab golden
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bin, root } from './toolchain.mjs';

const isolated = join(root, 'scripts', 'isolated.mjs');
const only = process.argv.slice(2);
const total = { passed: 0, failed: 0 };
const failures = [];

function run(command, args) {
  const child = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 30,
    timeout: 40 * 60_000,
  });
  return {
    ok: child.status === 0,
    text: `${child.stdout ?? ''}${child.stderr ?? ''}${child.error ? String(child.error) : ''}`,
  };
}

function count(name, result, passed, failed) {
  total.passed += passed;
  total.failed += failed;
  if (failed > 0) {
    failures.push(name);
    // Passing tests' lines would bury the others.
    console.log(result.text.replace(/^\(pass\).*\n/gm, ''));
  }
}

/** A command that passes or fails as a whole. */
const whole = (command, args) => (name) => {
  const result = run(command, args);
  count(name, result, result.ok ? 1 : 0, result.ok ? 0 : 1);
};

/** A run of `bun test`, whose closing lines count. */
const bunTest = (folder) => (name) => {
  if (!existsSync(join(root, folder))) return;
  const result = run(process.execPath, [isolated, 'bun', 'test', '--timeout', '120000', `./${folder}`]);
  const sum = (word) =>
    [...result.text.matchAll(new RegExp(`^ *(\\d+) ${word}$`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0);
  const passed = sum('pass');
  const failed = sum('fail');
  // A run that died before its summary, or failed without a failing test, is itself a failure.
  count(name, result, passed, failed === 0 && !result.ok ? 1 : failed);
};

const stages = [
  ['check', 'types', whole(join(bin, 'tsc'), ['--noEmit'])],
  ['check', 'lint and format', whole(join(bin, 'biome'), ['check', '--max-diagnostics=50', '.'])],
  ['build', 'dist/calico', whole(process.execPath, [join(root, 'scripts', 'build.mjs'), '--quiet'])],
  ['unit', 'unit tests', bunTest('src')],
  ['kernel', 'kernel tests', bunTest('test/kernel')],
  ['lab', 'lab tests', bunTest('test/lab')],
  ['golden', 'recordings', bunTest('test/golden')],
];

for (const [stage, name, body] of stages) {
  if (only.length > 0 && !only.includes(stage)) continue;
  const start = Date.now();
  const before = { ...total };
  body(name);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(
    `${name}: ${total.passed - before.passed} passed, ${total.failed - before.failed} failed (${seconds} s)`,
  );
}
if (failures.length > 0) console.log(`failed: ${failures.join(', ')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
