import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const datastore: Command = {
  name: 'datastore',
  summary: '',
  help: ({ binary, release }) =>
    helpText({ binary, release, usage: ['datastore'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
