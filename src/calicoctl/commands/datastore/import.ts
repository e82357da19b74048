/** `datastore migrate import`: into the Kubernetes datastore. */
import { type Command, CtlFailure, failure } from '../../command.ts';
import { ConfigError, defaultConfigPath, loadConnection } from '../../config.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';

/** See the module's comment. */
export const importData: Command = {
  name: 'datastore migrate import',
  summary: 'Import data.',
  help({ binary, release }) {
    const file = {
      spec: '-f --filename=<FILENAME>',
      text: 'File that export wrote; "-" reads standard input.',
    };
    const optional = [sharedOptions.config, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      usage: [`datastore migrate import --filename=<FILENAME> ${usageOf(release, optional)}`],
      options: [file, ...optional],
      description: 'Stores the contents of an etcd datastore, as export printed them, in Kubernetes.',
    });
  },
  async run(args, ctl) {
    try {
      const { datastoreType } = await loadConnection(textArg(args, '--config') ?? defaultConfigPath, ctl);
      if (datastoreType !== 'kubernetes') {
        throw failure(
          ctl,
          `invalid datastore type: ${datastoreType} to import to for datastore migration. Datastore type must be kubernetes`,
        );
      }
    } catch (error) {
      throw error instanceof ConfigError ? new CtlFailure(error.message) : error;
    }
    throw new CtlFailure('the Kubernetes API is not a datastore of this release yet: nothing was imported');
  },
};
