import { type Command, CtlFailure } from '../command.ts';
import { helpText } from '../grammar/help.ts';
export const ipam: Command = {
  name: 'ipam',
  summary: '',
  help: ({ binary, release }) => helpText({ binary, release, usage: ['ipam'], options: [], description: '' }),
  async run() {
    throw new CtlFailure('not built yet');
  },
};
