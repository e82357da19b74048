// Runs a command in network, mount and process namespaces of its own: its servers cannot meet those of
// another run, and whatever it leaves running ends with it.
//   node scripts/isolated.mjs bun test src/datastore
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin, bunPath } from './toolchain.mjs';

const self = fileURLToPath(import.meta.url);
const args = process.argv.slice(2);
const env = { ...process.env, PATH: [bin, process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter) };

/** Ends as the child ended, passing signals on to it. */
function become(command, argv, cleanUp = () => {}) {
  const child = spawn(command, argv, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`cannot run ${command}: ${error.message}`);
    process.exit(127);
  });
  child.on('exit', (code, signal) => {
    cleanUp();
    process.exit(signal ? 1 : (code ?? 1));
  });
}

if (args[0] === '--inside') {
  execFileSync('mount', ['-t', 'sysfs', 'sysfs', '/sys'], { env });
  execFileSync('mkdir', ['-p', '/run/netns'], { env });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns'], { env });
  execFileSync('ip', ['link', 'set', 'lo', 'up'], { env });
  const [command, ...rest] = args.slice(1);
  become(command === 'bun' ? bunPath() : command, rest);
} else if (args.length === 0) {
  console.error(`usage: node ${dirname(self)}/isolated.mjs COMMAND [ARGUMENT…]`);
  process.exit(2);
} else {
  const namespaces = [
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    '--kill-child',
    '--propagation',
    'private',
  ];
  const root = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  // What the run leaves in its temporary folder goes with it, also when it is killed inside.
  const folder = mkdtempSync(join(tmpdir(), 'ct-'));
  chmodSync(folder, 0o755);
  env.TMPDIR = folder;
  become('unshare', [...root, ...namespaces, process.execPath, self, '--inside', ...args], () =>
    rmSync(folder, { recursive: true, force: true }),
  );
}
