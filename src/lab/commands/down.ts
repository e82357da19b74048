/** `calico lab down`. */
import { end } from '../launch.ts';
import { LabState, labNames } from '../state.ts';
import { type LabCommand, parse, print } from './command.ts';

const usage = `Usage: calico lab down [--name NAME | --all]

Ends a lab and removes everything of it, also after a crash. A lab that is not there is no error.

Examples:
  calico lab down
  calico lab down --all
`;

/** See the usage. */
export const down: LabCommand = {
  summary: 'end a lab and leave nothing of it',
  usage,
  run: async (argv) => {
    const { state, values } = parse(argv, { all: { type: 'boolean' } }, usage);
    const states = values['all'] === true ? labNames().map((name) => new LabState(name)) : [state];
    for (const one of states) {
      if (!one.exists) {
        print(`there is no lab ${one.name}: nothing to do\n`);
        continue;
      }
      await end(one);
      print(`the lab ${one.name} is gone\n`);
    }
    return 0;
  },
};
