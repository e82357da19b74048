/** What a command of calicoctl is, and how it ends. */
import { type Args, type ParseOptions, parseArgs, usageBlock } from './grammar/docopt.ts';
import type { CtlIo } from './io.ts';
import { type Release, sentence } from './release.ts';

/** One run: the surroundings and the release that is spoken. */
export interface Ctl {
  readonly io: CtlIo;
  readonly release: Release;
  /** `calicoctl`, or `kubectl-calico` when called as a plugin. */
  readonly binary: string;
}

/** A command: its help text is its grammar. */
export interface Command {
  /** The words that lead to it, e.g. `ipam show`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  help(ctl: Ctl): string;
  run(args: Args, ctl: Ctl): Promise<number | undefined>;
  /** Changes the words before they are parsed. */
  rewrite?(argv: readonly string[], ctl: Ctl): readonly string[];
  /** Takes over from the parsing of the whole line: for commands that lead to others. */
  dispatch?(argv: readonly string[], ctl: Ctl): Promise<number>;
  /** Replaces the line of v3.15 after a usage block. */
  usageHint?(ctl: Ctl, argv: readonly string[]): string | undefined;
}

/** Ends a command with a line on stderr. */
export class CtlFailure extends Error {}

/** Ends a command with a line on stdout: what upstream does where it exits on the spot. */
export class CtlHardExit extends Error {}

/** Parses by the command's help text and runs it. */
export async function runCommand(command: Command, words: readonly string[], ctl: Ctl): Promise<number> {
  if (command.dispatch) return await command.dispatch(words, ctl);
  const argv = command.rewrite?.(words, ctl) ?? words;
  const args = parseOrExplain(command.help(ctl), argv, ctl, {}, (line) => command.usageHint?.(ctl, line));
  return typeof args === 'number' ? args : ((await command.run(args, ctl)) ?? 0);
}

/** Parses by a help text; prints help or usage and gives the exit code where the line does not pass. */
export function parseOrExplain(
  help: string,
  argv: readonly string[],
  ctl: Ctl,
  options: ParseOptions = {},
  hint?: (argv: readonly string[]) => string | undefined,
): Args | number {
  const outcome = parseArgs(help, argv, options);
  switch (outcome.kind) {
    case 'args':
      return outcome.args;
    case 'help':
      ctl.io.stdout(`${help.trimEnd()}\n`);
      return 0;
    case 'version':
      ctl.io.stdout(`Run '${ctl.binary} version' to see version information.\n`);
      return 0;
    case 'usage': {
      const block = `${usageBlock(help)}\n`;
      if (outcome.message !== undefined) ctl.io.stderr(`${outcome.message}\n`);
      ctl.io.stderr(block);
      const line = hint?.(argv) ?? defaultHint(ctl, argv);
      if (line !== undefined) ctl.io.stderr(`${line}\n`);
      return 1;
    }
  }
}

/** v3.15 adds a line that repeats the command; later releases print the block alone. */
function defaultHint(ctl: Ctl, argv: readonly string[]): string | undefined {
  if (ctl.release.minor > 15) return undefined;
  return `Invalid option: 'calicoctl ${argv.join(' ')}'. Use flag '--help' to read about a specific subcommand.`;
}

/** A failure whose first letter follows the release. */
export function failure(ctl: Ctl, text: string): CtlFailure {
  return new CtlFailure(sentence(ctl.release, text));
}
