/** `calico lab process`. */
import { CalicoError } from '../../errors.ts';
import { ask } from '../client.ts';
import type { ProcessAction, ProcessStatus } from '../protocol.ts';
import { type LabCommand, parse, print } from './command.ts';

const usage = `Usage: calico lab process kill|stop|start HOST/PROGRAM [--name NAME]

Makes a failure: kill ends a program at once (SIGKILL) and lets it come back by itself; stop keeps it away until start.
Programs: etcd, calico-node, bird; of border routers zebra, bgpd, bird.

Examples:
  calico lab process kill node2/calico-node
  calico lab process stop node3/etcd
  calico lab process start node3/etcd
`;

const actions: readonly ProcessAction[] = ['kill', 'stop', 'start'];
const programs: readonly ProcessStatus['program'][] = ['etcd', 'calico-node', 'bird', 'zebra', 'bgpd'];

/** See the usage. */
export const processes: LabCommand = {
  summary: 'kill, stop or start a program of a host',
  usage,
  run: async (argv) => {
    const { state, positionals } = parse(argv, {}, usage);
    const [word, target = ''] = positionals;
    const [host, name] = target.split('/');
    const action = actions.find((one) => one === word);
    const program = programs.find((one) => one === name);
    if (!action || !host || !program) {
      throw new CalicoError('USAGE', 'what is to happen to which program?', { cure: usage.split('\n')[0]! });
    }
    await ask(state, { op: 'process', host, program, action }, 'done');
    print(`${action}: ${target}\n`);
    return 0;
  },
};
