import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const diff: Command = {
  name: 'diff',
  summary: '',
  help: ({ binary, release }) => helpText({ binary, release, usage: ['diff'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
