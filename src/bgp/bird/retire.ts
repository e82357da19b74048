/** The end of BIRD on a host that has no more use for it: its routes go with it. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { writeAtomically } from './atomic-file.ts';
import { birdCommand, reconfigure } from './control-socket.ts';
import { type BirdPaths, runningBird } from './process.ts';

/**
 * Ends the daemon for good, when one runs: peers are told, and the routes that it wrote leave the kernel. `false` when
 * none runs. @throws CalicoError when it does not answer
 */
export async function retireBird(paths: BirdPaths): Promise<boolean> {
  const pid = runningBird(paths);
  if (pid === undefined) return false;
  if (existsSync(paths.config)) {
    // What keeps routes over a restart would keep them for ever.
    const text = readFileSync(paths.config, 'utf8').replaceAll('learn; persist;', 'learn;');
    writeAtomically(paths.config, text);
    await reconfigure({ path: paths.socket });
  }
  await birdCommand('down', { path: paths.socket, timeout: 10_000 });
  const until = performance.now() + 10_000;
  while (runningBird(paths) === pid && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  rmSync(paths.config, { force: true });
  return true;
}
