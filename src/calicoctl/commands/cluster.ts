import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const cluster: Command = {
  name: 'cluster',
  summary: '',
  help: ({ binary, release }) =>
    helpText({ binary, release, usage: ['cluster'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
