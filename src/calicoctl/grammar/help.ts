/** Builds help texts, which are the grammar at the same time. */
import type { Release } from '../release.ts';

/** An option line: what stands in front, what it does, and the first release that has it. */
export interface OptionHelp {
  readonly spec: string;
  readonly text: string;
  readonly since?: number;
  readonly until?: number;
}

/** The parts of a help text. */
export interface HelpParts {
  readonly binary: string;
  readonly release: Release;
  /** Commands that open the datastore begin with how to say where it is. */
  readonly datastore?: boolean;
  /** Usage lines without the program's name. */
  readonly usage: readonly string[];
  readonly examples?: readonly string[];
  readonly options: readonly OptionHelp[];
  readonly description: string;
}

const datastoreIntro = `Set the Calico datastore access information in the environment variables or
supply details in a configuration file.

`;

/** Whether a release has an option or column. */
export function inRelease(
  release: Release,
  range: { readonly since?: number; readonly until?: number },
): boolean {
  return release.minor >= (range.since ?? 0) && release.minor <= (range.until ?? 1000);
}

/** The help text of its parts. */
export function helpText(parts: HelpParts): string {
  const options = [{ spec: '-h --help', text: 'Show this screen.' }, ...parts.options]
    .filter((option) => inRelease(parts.release, option))
    .map((option) => optionLines(option.spec, option.text));
  const usage = parts.usage.map((line) => `  ${parts.binary} ${line}`).join('\n');
  const examples = parts.examples
    ? `\nExamples:\n${parts.examples.map((line) => `  ${line.replaceAll('$', parts.binary)}`).join('\n')}\n`
    : '';
  const description = parts.description
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
  return (
    `${parts.datastore ? datastoreIntro : ''}Usage:\n${usage}\n${examples}\n` +
    `Options:\n${options.join('\n')}\n\nDescription:\n${description}\n`
  );
}

function optionLines(spec: string, text: string): string {
  const width = 29;
  const head = `${/^-\w/.test(spec) ? '  ' : '     '}${spec}`;
  const lines = wrap(text, 76 - width);
  const first = head.length + 2 > width + 2 ? `${head}  ` : head.padEnd(width + 2);
  return lines.map((line, at) => (at === 0 ? first : ' '.repeat(width + 2)) + line).join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Options that several commands share. */
export const sharedOptions = {
  config: {
    spec: '-c --config=<CONFIG>',
    text: 'Path to the file with the connection configuration in YAML or JSON. [default: /etc/calico/calicoctl.cfg]',
  },
  context: { spec: '--context=<context>', text: 'Name of the kubeconfig context to use.', since: 18 },
  mismatch: {
    spec: '--allow-version-mismatch',
    text: 'Go on although client and cluster are of different versions.',
    since: 20,
  },
  namespace: {
    spec: '-n --namespace=<NS>',
    text: 'Namespace of the resource. Only for NetworkPolicy, NetworkSet, WorkloadEndpoint and the staged policies with a namespace. The default is the namespace "default".',
  },
  filename: {
    spec: '-f --filename=<FILENAME>',
    text: 'File to read. "-" reads standard input; of a directory every .json, .yaml and .yml file is read.',
  },
  recursive: { spec: '-R --recursive', text: 'Go down into directories.', since: 16 },
  skipEmpty: {
    spec: '--skip-empty',
    text: 'It is no error when the file or directory holds no resource.',
    since: 16,
  },
} as const satisfies Readonly<Record<string, OptionHelp>>;

/** The usage words of options that the release has, e.g. `[--recursive] [--skip-empty]`. */
export function usageOf(release: Release, options: readonly OptionHelp[]): string {
  return options
    .filter((option) => inRelease(release, option))
    .map((option) => `[${option.spec.split(' ').at(-1)}]`)
    .join(' ');
}
