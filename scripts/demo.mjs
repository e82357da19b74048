// The driving document's network on this machine: npm run demo, and away again: npm run demo -- --down
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './toolchain.mjs';

const executable = join(root, 'dist', 'calico');
const lab = 'demo';
const inventory = join('examples', 'kubespray-rr', 'hosts.ini');

function run(command, args) {
  const child = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (child.error) {
    console.error(`cannot run ${command}: ${child.error.message}`);
    return 127;
  }
  return child.signal ? 130 : (child.status ?? 1);
}

/** Runs what must succeed. */
function must(command, args) {
  const status = run(command, args);
  if (status !== 0) process.exit(status);
}

const calico = (...args) => must(executable, args);

/** Shows a command as one would type it on the host, and its output. */
function show(host, ...command) {
  console.log(`\n${host}# ${command.join(' ')}`);
  calico('lab', 'exec', '--name', lab, host, '--', ...command);
}

function newestSource(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === 'testdata' || entry.name.endsWith('.test.ts')) continue;
    newest = Math.max(newest, entry.isDirectory() ? newestSource(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function build() {
  if (existsSync(executable) && statSync(executable).mtimeMs > newestSource(join(root, 'src'))) return;
  console.error('building dist/calico');
  must(process.execPath, [join(root, 'scripts', 'build.mjs'), '--quiet']);
}

if (process.argv.includes('--down')) {
  build();
  calico('lab', 'down', '--name', lab);
} else {
  build();
  calico('lab', 'up', '--name', lab, '-i', inventory);
  console.log('\nIs everything as the inventory says?');
  calico('lab', 'check', '--name', lab);
  show('node2', 'calicoctl.sh', 'node', 'status');
  show('node2', 'calicoctl.sh', 'get', 'ippool', '-o', 'wide');
  show('node2', 'calicoctl.sh', 'get', 'workloadEndpoint', '-o', 'wide');
  show('node2', 'calicoctl.sh', 'get', 'hostEndpoint', '-o', 'wide');
  console.log(`
The lab "${lab}" goes on running. Look around with dist/calico lab … (--help), and end it with:
  npm run demo -- --down`);
}
