/** `calico lab logs`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CalicoError } from '../../errors.ts';
import { noSuchLab } from '../state.ts';
import { runUnderUml } from '../uml/run.ts';
import { type LabCommand, numberOption, parse, print } from './command.ts';

const usage = `Usage: calico lab logs HOST [--program etcd|calico-node|bird] [--lines N] [--name NAME]

Shows what the programs of a host have logged.

Examples:
  calico lab logs node2
  calico lab logs node2 --program calico-node --lines 200
`;

/** See the usage. */
export const logs: LabCommand = {
  summary: "what a host's programs have logged",
  usage,
  run: async (argv) => {
    const parsed = parse(argv, { program: { type: 'string' }, lines: { type: 'string' } }, usage);
    const { state, values } = parsed;
    const [host] = parsed.positionals;
    if (host === undefined) throw new CalicoError('USAGE', 'of which host?', { cure: usage.split('\n')[0]! });
    if (!state.exists) throw noSuchLab(state.name);
    if (state.spec().kernel === 'uml') {
      const { executable } = state.spec();
      return await runUnderUml(state, 'kernel', [executable, 'lab', 'logs', ...argv]);
    }
    const files = logFiles(state.host(host));
    if (files.size === 0) {
      throw new CalicoError('NOT_FOUND', `nothing of ${host} has been logged`, {
        cure: 'Which hosts there are: calico lab status',
      });
    }
    const count = numberOption(parsed, 'lines', 40);
    for (const [program, file] of files) {
      if (typeof values['program'] === 'string' && values['program'] !== program) continue;
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count);
      print(`==> ${program} (${file})\n${lines.join('\n')}\n`);
    }
    return 0;
  },
};

/** Logs of a host by program; BIRD's is among calico-node's own files. */
function logFiles(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const directory of [join(folder, 'log'), join(folder, 'var', 'log', 'calico')]) {
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory).sort()) {
      if (name.endsWith('.log')) files.set(name.slice(0, -'.log'.length), join(directory, name));
    }
  }
  return files;
}
