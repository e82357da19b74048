/** `calico lab exec`. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CalicoError } from '../../errors.ts';
import { ask } from '../client.ts';
import { searchPath } from '../holder/machine.ts';
import { runUnderUml } from '../uml/run.ts';
import { type LabCommand, parse } from './command.ts';

const usage = `Usage: calico lab exec [--name NAME] HOST[/POD] -- COMMAND [ARGUMENT…]

Runs a program on a host of the lab, or in a pod on it. Input, output and exit code are the program's.

Examples:
  calico lab exec node2 -- calicoctl.sh node status
  calico lab exec node2/pod1 -- ping -c 3 10.233.70.1
  calico lab exec rr0 -- ip route
  calico lab exec node3 -- bash
`;

/** See the usage. */
export const exec: LabCommand = {
  summary: 'run a program on a host or in a pod',
  usage,
  run: async (argv) => {
    const at = argv.indexOf('--');
    const command = at < 0 ? [] : argv.slice(at + 1);
    const { state, positionals } = parse(at < 0 ? argv : argv.slice(0, at), {}, usage);
    const [target, ...rest] = positionals;
    if (target === undefined || rest.length > 0 || command.length === 0) {
      throw new CalicoError('USAGE', 'where is to be run what?', { cure: usage.split('\n')[0]! });
    }
    const { arguments: entrance } = await ask(state, { op: 'entrance', target }, 'entrance');
    const inside = ['nsenter', ...entrance, '--', '/usr/bin/env', `PATH=${searchPath}`, ...command];
    if (state.spec().kernel === 'uml') return await runUnderUml(state, 'lab', inside);
    const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    const child = spawn(
      'nsenter',
      [
        ...[...user, '--mount', '--pid', '--net', '--target', String(state.runningHolder())],
        ...['--', ...inside],
      ],
      { stdio: 'inherit' },
    );
    // The terminal's signals reach the program itself.
    for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  },
};
