/** `datastore migrate lock` and `unlock`: whether the datastore is ready for its users. */
import { messageOf } from '../../../errors.ts';
import { initialiseCluster } from '../../client/initialise.ts';
import type { Command } from '../../command.ts';
import { failure } from '../../command.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { withClient } from '../../session.ts';

function command(name: 'lock' | 'unlock', text: string, ready: boolean): Command {
  return {
    name: `datastore migrate ${name}`,
    summary: text,
    help({ binary, release }) {
      const optional = [sharedOptions.config, sharedOptions.mismatch];
      return helpText({
        binary,
        release,
        usage: [`datastore migrate ${name} ${usageOf(release, optional)}`],
        options: optional,
        description: text,
      });
    },
    async run(args, ctl) {
      await withClient(args, ctl, async (client) => {
        if (!ready) await initialiseCluster(client);
        try {
          const current = await client.get({ kind: 'ClusterInformation', name: 'default' });
          await client.update({ ...current, spec: { ...current.spec, datastoreReady: ready } });
        } catch (error) {
          throw failure(ctl, `error retrieving ClusterInformation for ${name}ing: ${messageOf(error)}`);
        }
        ctl.io.stdout(`Datastore ${name}ed.\n`);
      });
      return undefined;
    },
  };
}

/** Locks: agents stop changing anything and the CNI plugin refuses new pods. */
export const lock: Command = command(
  'lock',
  'Locks the datastore, so that nothing changes while its contents are moved.',
  false,
);

/** Unlocks. */
export const unlock: Command = command('unlock', 'Unlocks the datastore after a migration.', true);
