/** The node commands work on the host itself and need root. */
import { CtlHardExit } from '../../command.ts';
import type { HostAccess } from '../../io.ts';

/** Ends the command unless it runs as root. */
export function requireRoot(host: HostAccess): void {
  if (!host.isRoot) throw new CtlHardExit('Need super user privileges: Operation not permitted');
}
