import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const completion: Command = {
  name: 'completion',
  summary: '',
  help: ({ binary, release }) =>
    helpText({ binary, release, usage: ['completion'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
