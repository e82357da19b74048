/**
 * The holder of a lab: process 1 of a process namespace, with network and mount namespaces of its own, so that
 * everything of the lab ends with it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../../errors.ts';
import { runProgram } from '../../linux/index.ts';
import { LabState } from '../state.ts';
import { serveControl } from './control.ts';
import { Lab } from './lab.ts';
import { OrphanReaper } from './orphans.ts';

/** Where the holder and its hosts see the state directory. */
const view = '/run/lab';

/** Runs until it is killed. */
export async function hold(argv: readonly string[]): Promise<number> {
  const [name = ''] = argv;
  if (process.pid !== 1) {
    throw new CalicoError('USAGE', 'calico lab hold is what calico lab up starts', {
      cure: 'Run: calico lab up',
    });
  }
  const state = new LabState(name);
  process.on('SIGTERM', () => process.exit(0));
  await makeView(state.directory);
  const reaper = new OrphanReaper();
  setInterval(() => reaper.look(), 1000);
  const lab = new Lab(state.spec(), view);
  const started = lab.up().catch((error: unknown) => {
    console.error(messageOf(error));
  });
  await serveControl(join(view, 'control.sock'), lab, started);
  return await new Promise<number>(() => {});
}

/** A /run of the lab's own: named network namespaces, shared with the hosts, and the state directory. */
async function makeView(directory: string): Promise<void> {
  const fresh = join(directory, 'view');
  mkdirSync(fresh, { recursive: true });
  const mount = (...args: readonly string[]) => runProgram('mount', ['-n', ...args]);
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', fresh);
  for (const folder of ['netns', 'lab', 'lock']) mkdirSync(join(fresh, folder));
  await mount('--bind', directory, join(fresh, 'lab'));
  await mount('--move', fresh, '/run');
  await mount('--bind', '/run/netns', '/run/netns');
  await mount('--make-shared', '/run/netns');
}
