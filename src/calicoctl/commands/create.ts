/** `create`: makes resources that must not exist yet. */
import { createResource } from '../client/actions.ts';
import type { Command } from '../command.ts';
import { execute } from '../execute.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { earlyAsFailure, reportAll } from './outcome.ts';

const skipExists = {
  spec: '--skip-exists',
  text: 'Count resources that exist already as created, and leave them as they are.',
};

/** See the module's comment. */
export const create: Command = {
  name: 'create',
  summary: 'Create resources.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const optional = [recursive, skipEmpty, skipExists, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`create --filename=<FILENAME> ${usageOf(release, optional)}`],
      examples: ['# Create what stands in policy.yaml.', '$ create -f ./policy.yaml'],
      options: [filename, ...optional],
      description: `Creates resources from a file, a directory or standard input, in YAML or JSON.
They are created in the order in which they stand; one that exists already is an
error, after which the others are still tried.`,
    });
  },
  async run(args, ctl) {
    const results = await earlyAsFailure(
      ctl,
      () => execute(args, ctl, { writes: true, action: createResource }),
      'No resources specified in file',
    );
    return reportAll(ctl, results, { infinitive: 'create', past: 'created', partial: 'hit error' });
  },
};
