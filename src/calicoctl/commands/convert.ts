import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const convert: Command = {
  name: 'convert',
  summary: '',
  help: ({ binary, release }) =>
    helpText({ binary, release, usage: ['convert'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
