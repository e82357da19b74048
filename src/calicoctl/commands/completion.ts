/** `completion`: a script for bash, zsh or fish that asks this program what could come next. */
import { type Command, CtlFailure } from '../command.ts';
import { listArg, textArg } from '../grammar/docopt.ts';
import { helpText } from '../grammar/help.ts';

const scripts: Readonly<Record<string, (binary: string) => string>> = {
  bash: (binary) => `# bash completion of ${binary}: source <(${binary} completion bash)
_${binary}() {
  local IFS=$'\\n'
  COMPREPLY=( $(${binary} completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
}
complete -o default -F _${binary} ${binary} ${binary}.sh
`,
  zsh: (binary) => `#compdef ${binary} ${binary}.sh
# zsh completion of ${binary}: source <(${binary} completion zsh)
_${binary}() {
  local -a found
  found=( \${(f)"$(${binary} completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"} )
  compadd -a found || _files
}
compdef _${binary} ${binary} ${binary}.sh
`,
  fish: (binary) => `# fish completion of ${binary}: ${binary} completion fish | source
function __${binary}_words
  set -l words (commandline -opc) (commandline -ct)
  ${binary} completion words -- $words[2..-1] 2>/dev/null
end
complete -c ${binary} -a '(__${binary}_words)'
`,
};

/** See the module's comment. */
export const completion: Command = {
  name: 'completion',
  summary: 'Print a completion script.',
  help({ binary, release }) {
    return helpText({
      binary,
      release,
      usage: ['completion <SHELL> [<WORDS>...]'],
      examples: ['# Complete in this shell from now on.', 'source <($ completion bash)'],
      options: [],
      description: `Prints a script that makes bash, zsh or fish complete commands, options, kinds, names
and namespaces. Names come from the datastore of the environment.`,
    });
  },
  async run(args, ctl) {
    const shell = textArg(args, '<SHELL>') ?? '';
    if (shell === 'words') {
      const words = listArg(args, '<WORDS>').filter((word, at) => !(at === 0 && word === '--'));
      const { candidates } = await import('./completion-words.ts');
      for (const word of await candidates(words, ctl)) ctl.io.stdout(`${word}\n`);
      return undefined;
    }
    const script = scripts[shell];
    if (!script) throw new CtlFailure(`'${shell}' is not a shell that is known here: use bash, zsh or fish`);
    ctl.io.stdout(script(ctl.binary));
    return undefined;
  },
};
