import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const node: Command = {
  name: 'node',
  summary: '',
  help: ({ binary, release }) => helpText({ binary, release, usage: ['node'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
