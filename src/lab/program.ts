/** The program `calico lab`. */
import { CalicoError, messageOf } from '../errors.ts';
import { probeKernel } from '../linux/index.ts';
import { check } from './commands/check.ts';
import type { LabCommand } from './commands/command.ts';
import { down } from './commands/down.ts';
import { exec } from './commands/exec.ts';
import { logs } from './commands/logs.ts';
import { pod } from './commands/pod.ts';
import { processes } from './commands/process.ts';
import { status } from './commands/status.ts';
import { up } from './commands/up.ts';

const commands: Readonly<Record<string, LabCommand>> = {
  up,
  status,
  check,
  exec,
  pod,
  logs,
  process: processes,
  down,
};

const usage = `Usage: calico lab COMMAND …

The network of a Kubespray inventory on one machine, with every part real.

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}\n`)
  .join('')}
Each has --help.
`;

/** Runs a command of the lab; ends with its exit code. */
export async function labProgram(argv: readonly string[]): Promise<number> {
  const [word, ...rest] = argv;
  try {
    if (word === 'hold') return await (await import('./holder/hold.ts')).hold(rest);
    if (word === 'relay') return await (await import('./uml/relay.ts')).relay(rest);
    if (word === 'guest') return await (await import('./uml/guest.ts')).guest(rest);
    if (word === 'kernel') {
      process.stdout.write(JSON.stringify(await probeKernel()));
      return 0;
    }
    if (word === undefined || /^(-h|--help|help)$/.test(word)) {
      process.stdout.write(usage);
      return 0;
    }
    const command = commands[word];
    if (!command)
      throw new CalicoError('USAGE', `calico lab has no command ${word}`, { cure: 'See: calico lab --help' });
    const own = rest.indexOf('--') < 0 ? rest : rest.slice(0, rest.indexOf('--'));
    if (own.includes('--help') || own.includes('-h')) {
      process.stdout.write(command.usage);
      return 0;
    }
    return await command.run(rest);
  } catch (error) {
    process.stderr.write(`calico lab: ${messageOf(error)}\n`);
    if (error instanceof CalicoError && error.cure)
      process.stderr.write(`${error.cure.replace(/^/gm, '  ')}\n`);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  }
}
