/** A command that only leads to others. */
import { type Command, type Ctl, parseOrExplain, runCommand } from '../command.ts';
import { flagArg, listArg, textArg } from '../grammar/docopt.ts';
import { helpText, inRelease, sharedOptions, usageOf } from '../grammar/help.ts';

/** A sub-command, loaded when it runs. */
interface Member {
  readonly name: string;
  readonly summary: string;
  readonly since?: number;
  readonly load: () => Promise<Command>;
}

/** What a group consists of. */
interface GroupParts {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Member[];
}

/** Makes the command; an unknown sub-command prints the help and is no failure. */
export function group(parts: GroupParts): Command {
  const help = ({ binary, release }: Ctl): string => {
    const shared = [sharedOptions.mismatch];
    const rows = parts.commands
      .filter((member) => inRelease(release, member))
      .map((member) => `    ${member.name.padEnd(12)} ${member.summary}`);
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`${parts.name} ${usageOf(release, shared)} <command> [<args>...]`.replace(/ +/g, ' ')],
      options: shared,
      description: `${parts.summary}

See '${binary} ${parts.name} <command> --help' to read about a command.`,
    }).replace(/\n\nOptions:/, `\n\n${rows.join('\n')}\n\nOptions:`);
  };
  return {
    name: parts.name,
    summary: parts.summary,
    help,
    async run() {
      return 0;
    },
    async dispatch(words, ctl) {
      const depth = parts.name.split(' ').length;
      const text = help(ctl);
      const args = parseOrExplain(text, words, ctl, { optionsFirst: true, skip: depth });
      if (typeof args === 'number') return args;
      const word = textArg(args, '<command>') ?? '';
      const member = parts.commands.find((one) => one.name === word && inRelease(ctl.release, one));
      if (!member) {
        ctl.io.stdout(`${text.trimEnd()}\n`);
        return 0;
      }
      const command = await member.load();
      const gate = flagArg(args, '--allow-version-mismatch') ? ['--allow-version-mismatch'] : [];
      return await runCommand(
        command,
        [...words.slice(0, depth), word, ...listArg(args, '<args>'), ...gate],
        ctl,
      );
    },
  };
}
