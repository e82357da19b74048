/** `apply`: creates resources, or replaces those that exist. What would change nothing is not written. */
import { applyResource, unchanged } from '../client/actions.ts';
import type { Command } from '../command.ts';
import { execute } from '../execute.ts';
import { flagArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { earlyAsFailure, reportAll } from './outcome.ts';

const output = { spec: '-o --output=<OUTPUT>', text: 'Format of --dry-run: text or json. [default: text]' };
const dryRun = {
  spec: '--dry-run',
  text: 'Check and compare only: say what would be done and write nothing.',
};

/** See the module's comment. */
export const apply: Command = {
  name: 'apply',
  summary: 'Create or replace resources.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const optional = [recursive, skipEmpty, dryRun, output, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`apply --filename=<FILENAME> ${usageOf(release, optional)}`],
      examples: ['# Apply what stands in policy.yaml.', '$ apply -f ./policy.yaml'],
      options: [filename, ...optional],
      description: `Creates resources from a file, a directory or standard input, and replaces those
that exist: the whole spec becomes what is given. A resource that exists and is
the same already is not written again.`,
    });
  },
  async run(args, ctl) {
    if (flagArg(args, '--dry-run')) return await (await import('./apply-dry-run.ts')).applyDryRun(args, ctl);
    const results = await earlyAsFailure(
      ctl,
      () =>
        execute(args, ctl, {
          writes: true,
          action: async (client, target) =>
            (await unchanged(client, target)) ?? (await applyResource(client, target)),
        }),
      'No resources specified in file',
    );
    return reportAll(ctl, results, { infinitive: 'apply', past: 'applied', partial: 'hit error(s)' });
  },
};
