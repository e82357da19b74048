/** `calicoctl checksystem`, `diags`, `node stop` and `node remove`. */
import { basename } from 'node:path';
import { isCalicoNode } from '../commands/node/status.ts';
import { type LegacyCommand, legacyFailure, withStore } from './legacy-command.ts';

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
