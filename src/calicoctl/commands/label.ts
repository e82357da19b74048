/** `label`: sets or removes one label. */
import { updateResource } from '../client/actions.ts';
import { resourceId } from '../client/client.ts';
import { type Command, CtlFailure } from '../command.ts';
import { EarlyError, execute } from '../execute.ts';
import { flagArg, textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';

const overwrite = { spec: '--overwrite', text: 'Change the value of a label that is there already.' };
const removing = { spec: '--remove', text: 'Remove the label.' };

/** See the module's comment. */
export const label: Command = {
  name: 'label',
  summary: 'Set labels.',
  help({ binary, release }) {
    const { config, namespace, context, mismatch } = sharedOptions;
    const optional = [config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [
        `label <KIND> <NAME> ( <key>=<value> [--overwrite] | <key> --remove ) ${usageOf(release, optional)}`,
      ],
      examples: ['# Make rr0 a route reflector.', '$ label node rr0 i-am-a-route-reflector=true'],
      options: [overwrite, removing, ...optional],
      description: 'Sets a label of a resource, changes its value or removes it.',
    });
  },
  async run(args, ctl) {
    const kind = textArg(args, '<KIND>') ?? '';
    const name = textArg(args, '<NAME>') ?? '';
    const remove = flagArg(args, '--remove');
    const given = textArg(args, remove ? '<key>' : '<key>=<value>') ?? '';
    const parts = remove ? [given] : given.split('=');
    if (!remove && parts.length !== 2) throw new CtlFailure(`invalid label ${given}`);
    const [key = '', value = ''] = parts;
    const { client, done, errors } = await (async () => {
      try {
        return await execute(args, ctl, {
          writes: false,
          action: async (opened, target) => await opened.get(resourceId(target)),
        });
      } catch (error) {
        if (!(error instanceof EarlyError)) throw error;
        throw new CtlFailure(`failed to get ${kind} ${name}, error ${error.message}`);
      }
    })();
    try {
      const resource = done[0];
      if (resource === undefined || errors.length > 0) throw new CtlFailure(`${kind} ${name} not found`);
      const labels: Record<string, string> = { ...resource.metadata.labels };
      const had = Object.hasOwn(labels, key);
      if (remove) {
        if (!had) {
          const cannot = ctl.release.minor <= 15 ? 'can not' : 'cannot';
          throw new CtlFailure(`${cannot} remove label of ${kind} ${name}, key ${key} does not exist`);
        }
        delete labels[key];
      } else {
        if (had && labels[key] !== value && !flagArg(args, '--overwrite')) {
          const stop = ctl.release.minor <= 15 ? '.' : '';
          throw new CtlFailure(
            `failed to update label of ${kind} ${name}, key ${key} is already present. please use '--overwrite' to set a new value${stop}`,
          );
        }
        labels[key] = value;
      }
      try {
        await updateResource(client, { ...resource, metadata: { ...resource.metadata, labels } });
      } catch {
        throw new CtlFailure(`failed to update ${kind} ${name}, label not changed`);
      }
      const did = remove ? 'removed label' : had ? 'updated label' : 'set label';
      ctl.io.stdout(`Successfully ${did} ${key} ${remove ? 'from' : 'on'} ${kind} ${name}\n`);
    } finally {
      client.store.close();
    }
    return undefined;
  },
};
