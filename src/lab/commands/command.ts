/** What the lab's commands have in common: options, tables, output. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CalicoError, messageOf } from '../../errors.ts';
import { LabState } from '../state.ts';

/** A command: its help text, and what runs it. */
export interface LabCommand {
  readonly summary: string;
  readonly usage: string;
  readonly run: (argv: readonly string[]) => Promise<number>;
}

type Options = NonNullable<ParseArgsConfig['options']>;

const common = {
  name: { type: 'string', default: 'lab' },
  output: { type: 'string', short: 'o' },
} as const satisfies Options;

/** A command line that was read. */
export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly state: LabState;
  readonly json: boolean;
}

/** Reads a command line; `--name` and `-o json` are always known. @throws CalicoError USAGE */
export function parse(argv: readonly string[], options: Options, usage: string): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { ...common, ...options },
      allowPositionals: true,
    });
    const { output, name } = values as { readonly output?: string; readonly name: string };
    if (output !== undefined && output !== 'json' && output !== 'table')
      throw new Error(`-o ${output} is not known: table or json`);
    return {
      values: values as Parsed['values'],
      positionals,
      state: new LabState(name),
      json: output === 'json',
    };
  } catch (error) {
    if (error instanceof CalicoError) throw error;
    throw new CalicoError('USAGE', messageOf(error), { cure: usage.split('\n')[0]! });
  }
}

/** A number of an option. @throws CalicoError USAGE */
export function numberOption(parsed: Parsed, option: string, fallback: number): number {
  const text = parsed.values[option];
  if (text === undefined) return fallback;
  if (typeof text === 'string' && /^\d{1,4}$/.test(text)) return Number(text);
  throw new CalicoError('USAGE', `--${option} ${String(text)} is not a number`);
}

/** Columns that line up. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()}\n`;
  return [head, ...rows].map(line).join('');
}

/** Writes to standard output. */
export function print(text: string): void {
  process.stdout.write(text);
}
