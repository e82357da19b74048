/** `replace`: replaces resources that must exist. */
import { updateResource } from '../client/actions.ts';
import { type Command, failure } from '../command.ts';
import { execute } from '../execute.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { countText, earlyAsFailure, nothingGiven, partialText } from './outcome.ts';

/** See the module's comment. */
export const replace: Command = {
  name: 'replace',
  summary: 'Replace resources.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const optional = [recursive, skipEmpty, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`replace --filename=<FILENAME> ${usageOf(release, optional)}`],
      examples: ['# Replace what stands in policy.yaml.', '$ replace -f ./policy.yaml'],
      options: [filename, ...optional],
      description: `Replaces resources from a file, a directory or standard input. Each must exist.
With a resourceVersion it must be the stored one.`,
    });
  },
  async run(args, ctl) {
    const results = await earlyAsFailure(
      ctl,
      () => execute(args, ctl, { writes: true, action: updateResource }),
      'No resources specified in file',
    );
    const { singleKind, total, errors } = results;
    if (total === 0) return nothingGiven(ctl, 'No resources specified in file');
    const last = errors.at(-1);
    if (last === undefined) {
      ctl.io.stdout(`Successfully replaced ${countText(total, singleKind)}\n`);
      return undefined;
    }
    // Upstream counts failures as handled, except those of the namespace rules.
    const handled = total - results.namespaceErrors;
    if (handled === 0) {
      const what =
        total === 1
          ? `'${singleKind}' resource`
          : singleKind === undefined
            ? 'any resources'
            : `any '${singleKind}' resources`;
      throw failure(ctl, `failed to replace ${what}: ${last.message}`);
    }
    ctl.io.stdout(partialText('replaced', handled, total, singleKind));
    throw failure(ctl, `hit error: ${last.message}`);
  },
};
