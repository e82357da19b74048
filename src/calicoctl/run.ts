/** The top level: global options, then the command. */
import { CalicoError, messageOf } from '../errors.ts';
import { type Command, type Ctl, CtlFailure, CtlHardExit, parseOrExplain, runCommand } from './command.ts';
import { commandList, findCommand, findLegacy } from './commands.ts';
import { flagArg, listArg, textArg } from './grammar/docopt.ts';
import { helpText, inRelease, sharedOptions, usageOf } from './grammar/help.ts';
import type { CtlIo } from './io.ts';
import { log, setLogLevel } from './log.ts';
import { releaseFromEnv, sentence } from './release.ts';

/** Runs calicoctl on its arguments (without the program's name) and gives the exit code: 0 or 1. */
export async function runCalicoctl(argv: readonly string[], io: CtlIo): Promise<number> {
  let ctl: Ctl;
  try {
    const release = releaseFromEnv(io.env);
    ctl = { io, release, binary: io.program.startsWith('kubectl-') ? 'kubectl-calico' : 'calicoctl' };
  } catch (error) {
    io.stderr(`${messageOf(error)}\n`);
    return 1;
  }
  try {
    return await runTopLevel(argv, ctl);
  } catch (error) {
    if (error instanceof CtlHardExit) io.stdout(`${error.message}\n`);
    else if (error instanceof CalicoError && error.cure) io.stderr(`${error.message}\n${error.cure}\n`);
    else io.stderr(`${messageOf(error)}\n`);
    return 1;
  }
}

async function runTopLevel(argv: readonly string[], ctl: Ctl): Promise<number> {
  const help = topLevelHelp(ctl);
  const quiet = { ...ctl, release: { ...ctl.release, minor: 32 as const } };
  const args = parseOrExplain(help, argv, quiet, { optionsFirst: true, version: true });
  if (typeof args === 'number') {
    if (args !== 0) {
      const line = [...(ctl.release.minor <= 15 ? ['calicoctl'] : []), argv.join(' ')].join(' ');
      ctl.io.stdout(`Invalid option: '${line}'. Use flag '--help' to read about a specific subcommand.\n`);
    }
    return args;
  }
  const level = textArg(args, '--log-level') ?? 'panic';
  const logger = setLogLevel(level, ctl.io);
  if (!logger) {
    throw new CtlHardExit(
      `Unknown log level: ${level}, expected one of: \npanic, fatal, error, warn, info, debug.`,
    );
  }
  log(ctl.io, 'info', `Log level set to ${level}`);
  const word = textArg(args, '<command>') ?? '';
  const context = textArg(args, '--context');
  const rest = [
    word,
    ...listArg(args, '<args>'),
    ...(flagArg(args, '--allow-version-mismatch') ? ['--allow-version-mismatch'] : []),
  ];
  const io =
    context === undefined ? ctl.io : { ...ctl.io, env: { ...ctl.io.env, K8S_CURRENT_CONTEXT: context } };
  return await dispatch(rest, { ...ctl, io }, help);
}

async function dispatch(words: readonly string[], ctl: Ctl, help: string): Promise<number> {
  const legacy = await findLegacy(words);
  if (legacy) return await legacy(words, ctl);
  const command = await findCommand(words[0] ?? '', ctl.release);
  if (!command) {
    throw new CtlFailure(`${sentence(ctl.release, 'unknown command')}: "${words[0]}"\n${help.trimEnd()}`);
  }
  return await runCommand(command as Command, words, ctl);
}

function topLevelHelp(ctl: Ctl): string {
  const { release } = ctl;
  const rows = commandList
    .filter((entry) => inRelease(release, entry))
    .map((entry) => `    ${entry.name.padEnd(12)} ${entry.summary}`);
  const shared = [sharedOptions.context, sharedOptions.mismatch];
  const text = helpText({
    binary: ctl.binary,
    release,
    usage: [`[--log-level=<level>] ${usageOf(release, shared)} <command> [<args>...]`.replace(/ +/g, ' ')],
    options: [
      {
        spec: '-l --log-level=<level>',
        text: 'Level of log messages on standard error: panic, fatal, error, warn, info or debug. [default: panic]',
      },
      ...shared,
    ],
    description: `${ctl.binary} manages the network and the network policy of a Calico cluster:
its resources, the addresses in use, and the nodes.

See '${ctl.binary} <command> --help' to read about a command.`,
  });
  return text.replace(/\n\nOptions:/, `\n\n${rows.join('\n')}\n\nOptions:`);
}
