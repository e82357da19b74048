/** `calicoctl profile …`. */
import { apiVersion } from '../../resources/index.ts';
import { updateResource } from '../client/actions.ts';
import { ClientError } from '../client/errors.ts';
import { flagArg, textArg } from '../grammar/docopt.ts';
import { endpointId } from './endpoint.ts';
import { type LegacyCommand, legacyFailure, sortedRows, withStore } from './legacy-command.ts';
import { prettyTable } from './pretty-table.ts';

const synthetic = 'projectcalico-default-allow';

/** See the module's comment. */
export const profileCommands: readonly LegacyCommand[] = [
  {
    usage: 'profile show [--detailed]',
    today: 'get profile -o wide',
    async run(args, ctl) {
      const { profiles, endpoints } = await withStore(ctl, async (client) => ({
        profiles: (await client.list('Profile')).items.filter((item) => item.metadata.name !== synthetic),
        endpoints: (await client.list('WorkloadEndpoint')).items,
      }));
      if (!flagArg(args, '--detailed')) {
        ctl.io.stdout(prettyTable(['Name'], sortedRows(profiles.map((item) => [item.metadata.name]))));
        return undefined;
      }
      const rows = profiles.flatMap(({ metadata: { name } }) => {
        const users = endpoints.filter((one) => ((one.spec['profiles'] as string[]) ?? []).includes(name));
        if (users.length === 0) return [[name, 'None', 'None', 'None', 'None', 'None']];
        return users.map((one) => {
          const { host, orchestrator, workload, endpoint } = endpointId(one);
          return [name, host, orchestrator, workload, endpoint, 'active'];
        });
      });
      const headings = ['Name', 'Host', 'Orchestrator ID', 'Workload ID', 'Endpoint ID', 'State'];
      ctl.io.stdout(prettyTable(headings, sortedRows(rows)));
      return undefined;
    },
  },
  {
    usage: 'profile add <PROFILE>',
    today: 'create -f <file with a Profile>',
    async run(args, ctl) {
      const name = textArg(args, '<PROFILE>') ?? '';
      await withStore(ctl, async (client) => {
        try {
          await client.create({
            apiVersion,
            kind: 'Profile',
            metadata: { name },
            spec: {
              ingress: [{ action: 'Allow', source: { selector: `${name} == ''` } }],
              egress: [{ action: 'Allow' }],
              labelsToApply: { [name]: '' },
            },
          });
          ctl.io.stdout(`Created profile ${name}\n`);
        } catch (error) {
          if (!(error instanceof ClientError && error.class === 'exists')) throw error;
          ctl.io.stdout(`Profile ${name} already exists.\n`);
        }
      });
      return undefined;
    },
  },
  {
    usage: 'profile remove <PROFILE> [--no-check]',
    today: 'delete profile <name>',
    async run(args, ctl) {
      const name = textArg(args, '<PROFILE>') ?? '';
      await withStore(ctl, async (client) => {
        try {
          await client.delete({ kind: 'Profile', name });
        } catch (error) {
          if (error instanceof ClientError && error.class === 'not-found') {
            throw legacyFailure(`Profile ${name} not found.`);
          }
          throw error;
        }
      });
      ctl.io.stdout(`Deleted profile ${name}\n`);
      return undefined;
    },
  },
  {
    usage: 'profile <PROFILE> tag show',
    today: 'get profile <name> -o wide',
    async run(args, ctl) {
      const labels = await withStore(ctl, async (client) => {
        const { spec } = await client.get({ kind: 'Profile', name: textArg(args, '<PROFILE>') ?? '' });
        return Object.keys((spec['labelsToApply'] as object | undefined) ?? {});
      });
      for (const label of labels.sort()) ctl.io.stdout(`${label}\n`);
      return undefined;
    },
  },
  ...(['add', 'remove'] as const).map(
    (verb): LegacyCommand => ({
      usage: `profile <PROFILE> tag ${verb} <TAG>`,
      today: 'patch profile <name> -p \'{"spec":{"labelsToApply":{…}}}\'',
      async run(args, ctl) {
        const [name, tag] = [textArg(args, '<PROFILE>') ?? '', textArg(args, '<TAG>') ?? ''];
        await withStore(ctl, async (client) => {
          const profile = await client.get({ kind: 'Profile', name });
          const { [tag]: _removed, ...others } = (profile.spec['labelsToApply'] ?? {}) as Record<
            string,
            string
          >;
          const labelsToApply = verb === 'add' ? { ...others, [tag]: '' } : others;
          await updateResource(client, { ...profile, spec: { ...profile.spec, labelsToApply } });
        });
        ctl.io.stdout(
          verb === 'add'
            ? `Tag ${tag} added to profile ${name}\n`
            : `Tag ${tag} removed from profile ${name}\n`,
        );
        return undefined;
      },
    }),
  ),
];
