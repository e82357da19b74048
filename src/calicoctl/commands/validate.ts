/** `validate`: checks resources without a datastore. */

import type { Resource } from '../../resources/index.ts';
import { invalidFields } from '../client/errors.ts';
import { problemsOf } from '../client/schema.ts';
import { type Command, CtlFailure } from '../command.ts';
import { fileFailure, inNamespace } from '../execute.ts';
import { flagArg, textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { EmptyInput, InputError } from '../input/errors.ts';
import { isDirectory, readInput } from '../input/files.ts';
import { reportAll } from './outcome.ts';

/** See the module's comment. */
export const validate: Command = {
  name: 'validate',
  summary: 'Check resources.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty } = sharedOptions;
    return helpText({
      binary,
      release,
      usage: [`validate --filename=<FILENAME> ${usageOf(release, [recursive, skipEmpty])}`],
      examples: ['# Check what stands in policy.yaml.', '$ validate -f ./policy.yaml'],
      options: [filename, recursive, skipEmpty],
      description: `Checks resources from a file, a directory or standard input. Nothing is written and
no datastore is needed.`,
    });
  },
  async run(args, ctl) {
    const options = {
      recursive: flagArg(args, '--recursive'),
      skipEmpty: flagArg(args, '--skip-empty'),
    };
    let resources: readonly Resource[];
    try {
      resources = await readInput(textArg(args, '--filename') ?? '', options, ctl);
    } catch (error) {
      if (error instanceof EmptyInput) throw new CtlFailure(error.message);
      throw error instanceof InputError ? fileFailure(ctl, error.message) : error;
    }
    if (resources.length === 0) {
      // Of an empty directory there is a word to say, of an empty file there is none.
      if (isDirectory(textArg(args, '--filename') ?? '', ctl)) ctl.io.stdout('No resources specified\n');
      return undefined;
    }
    const done: Resource[] = [];
    const errors: Error[] = [];
    for (const resource of resources) {
      try {
        const placed = inNamespace(resource, args);
        const problems = problemsOf(placed, ctl.release);
        if (problems.length > 0) throw invalidFields(problems);
        done.push(placed);
      } catch (error) {
        errors.push(error as Error);
      }
    }
    const kinds = new Set(resources.map((resource) => resource.kind));
    const singleKind = kinds.size === 1 ? resources[0]?.kind : undefined;
    return reportAll(
      ctl,
      { total: resources.length, singleKind, done, errors, namespaceErrors: 0 },
      { infinitive: 'validate', past: 'validated', partial: 'hit error(s)' },
    );
  },
};
