/** `calicoctl checksystem`, `diags`, `node stop` and `node remove`. */
import { basename } from 'node:path';
import { type Ctl, runCommand } from '../command.ts';
import { isCalicoNode } from '../commands/node/status.ts';
import { type LegacyCommand, legacyFailure, withStore } from './legacy-command.ts';

/** The options of `node` before it had sub-commands are those of `node run`. */
export async function runBareNode(words: readonly string[], ctl: Ctl): Promise<number> {
  const { run } = await import('../commands/node/run.ts');
  ctl.io.stderr(`node: an old command; today it is: ${ctl.binary} node run\n`);
  return await runCommand(run, ['node', 'run', ...words.slice(1)], ctl);
}

/** See the module's comment. */
export const hostCommands: readonly LegacyCommand[] = [
  {
    usage: 'checksystem',
    today: 'node checksystem',
    async run(args, ctl) {
      return await (await import('../commands/node/checksystem.ts')).checksystem.run(args, ctl);
    },
  },
  {
    usage: 'diags [--log-dir=<LOG_DIR>]',
    today: 'node diags',
    async run(args, ctl) {
      return await (await import('../commands/node/diags.ts')).diags.run(args, ctl);
    },
  },
  {
    usage: 'node stop',
    today: 'systemctl stop calico-node (or: docker stop calico-node)',
    async run(_args, ctl) {
      const host = await ctl.io.host();
      const agents = host
        .processes()
        .filter((one) => isCalicoNode(one) && basename(one.argv[0] ?? '') !== 'calicoctl');
      if (agents.length === 0) throw legacyFailure('calico-node container not running');
      for (const { pid } of agents) process.kill(pid, 'SIGTERM');
      ctl.io.stdout('Node stopped\n');
      return undefined;
    },
  },
  {
    usage: 'node remove',
    today: 'delete node <name>',
    async run(_args, ctl) {
      const name = ctl.io.env['NODENAME'] ?? (await ctl.io.host()).hostname;
      await withStore(ctl, (client) => client.delete({ kind: 'Node', name }));
      ctl.io.stdout('Node configuration removed\n');
      return undefined;
    },
  },
];
