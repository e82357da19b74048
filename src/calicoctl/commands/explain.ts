import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const explain: Command = {
  name: 'explain',
  summary: '',
  help: ({ binary, release }) =>
    helpText({ binary, release, usage: ['explain'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
