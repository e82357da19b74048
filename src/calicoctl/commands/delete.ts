/** `delete`: by file, or by kind and names. */
import { deleteResource } from '../client/actions.ts';
import { type Command, CtlFailure } from '../command.ts';
import { execute } from '../execute.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { countText, earlyAsFailure, nothingGiven } from './outcome.ts';

const skipNotExists = {
  spec: '-s --skip-not-exists',
  text: 'Count resources that do not exist as deleted.',
};

/** See the module's comment. */
export const remove: Command = {
  name: 'delete',
  summary: 'Delete resources.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const input = usageOf(release, [recursive, skipEmpty]);
    const optional = [skipNotExists, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [
        `delete ( (<KIND> [<NAME>...]) | --filename=<FILENAME> ${input} ) ${usageOf(release, optional)}`,
      ],
      examples: ['# Delete the node node5 and all that belongs to it.', '$ delete node node5'],
      options: [filename, recursive, skipEmpty, ...optional],
      description: `Deletes resources that a file, a directory or standard input describes, or those of
a kind that are named. Deleting a Node releases its addresses and removes its
endpoints, peers and configuration; deleting an IPPool releases its blocks.`,
    });
  },
  async run(args, ctl) {
    const results = await earlyAsFailure(ctl, () =>
      execute(args, ctl, { writes: false, action: deleteResource }),
    );
    const { singleKind, total, done, errors } = results;
    if (total === 0) return nothingGiven(ctl, 'No resources specified');
    if (done.length > 0) ctl.io.stdout(`Successfully deleted ${countText(done.length, singleKind)}\n`);
    if (errors.length === 0) return undefined;
    const what = singleKind === undefined ? 'resource' : `'${singleKind}' resource`;
    throw new CtlFailure(errors.map((error) => `Failed to delete ${what}: ${error.message}\n`).join(''));
  },
};
