/**
 * A command line is parsed by the usage text that its help prints, with docopt's rules: long options by unambiguous
 * prefix, values attached or apart, options and words in any order.
 */
import {
  type ArgValue,
  match,
  type Option,
  optionName,
  type Pattern,
  repeated,
  type Token,
} from './pattern.ts';

/** The values of a command line, by option long name or positional in angle brackets. */
export type Args = Readonly<Record<string, ArgValue>>;

/** What became of a command line. */
export type ParseOutcome =
  | { readonly kind: 'args'; readonly args: Args }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** `message` is docopt's own line, absent when only the usage block is shown. */
  | { readonly kind: 'usage'; readonly message: string | undefined };

/** Options of {@link parseArgs}. */
export interface ParseOptions {
  /** Everything after the first word belongs to the sub-command. */
  readonly optionsFirst?: boolean;
  /** Leading words that are the command's own name, after which {@link optionsFirst} begins. */
  readonly skip?: number;
  /** `--version` is answered. */
  readonly version?: boolean;
}

class UsageError extends Error {}

/** The `Usage:` block of a help text, as printed after bad usage. */
export function usageBlock(doc: string): string {
  const found = /^usage:[^\n]*\n?(?:[ \t].*(?:\n|$))*/im.exec(doc);
  return found ? found[0].trimEnd() : '';
}

function declaredOptions(doc: string): Option[] {
  const options: Option[] = [];
  for (const section of doc.matchAll(/^options:[^\n]*\n((?:[ \t].*(?:\n|$))*)/gim)) {
    const text = section[1] ?? '';
    for (const entry of text.split(/\n(?=[ \t]*-)/)) {
      const line = entry.trim();
      if (!line.startsWith('-')) continue;
      const [spec = '', description = ''] = splitOnce(line, '  ');
      let short: string | undefined;
      let long: string | undefined;
      let takesValue = false;
      for (const word of spec.replace(/[,=]/g, ' ').split(/\s+/)) {
        if (word.startsWith('--')) long = word;
        else if (word.startsWith('-')) short = word;
        else if (word !== '') takesValue = true;
      }
      const given = /\[default: (.*?)\]/i.exec(description.replace(/\s*\n\s*/g, ' '));
      options.push({
        kind: 'option',
        short,
        long,
        takesValue,
        defaultValue: takesValue ? (given?.[1] ?? null) : null,
      });
    }
  }
  return options;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

function parsePattern(usage: string, options: Option[]): Pattern {
  const body = usage.replace(/^usage:/i, '').trim();
  const words = body.split(/\s+/);
  const program = words.shift() ?? '';
  const alternatives = words.join(' ').split(new RegExp(`(?:^|\\s)${program}(?=\\s|$)`));
  const parsed = alternatives.map((text) => {
    const tokens = text
      .replace(/([[\]()|]|\.\.\.)/g, ' $1 ')
      .split(/\s+|(\S*<.*?>)/)
      .filter((token): token is string => token !== undefined && token !== '');
    const pattern = parseEither(tokens, options);
    if (tokens.length > 0) throw new Error(`usage text not understood near ${tokens.join(' ')}`);
    return pattern;
  });
  return parsed.length === 1 ? parsed[0]! : { kind: 'either', children: parsed };
}

function parseEither(tokens: string[], options: Option[]): Pattern {
  const branches = [parseSequence(tokens, options)];
  while (tokens[0] === '|') {
    tokens.shift();
    branches.push(parseSequence(tokens, options));
  }
  return branches.length === 1 ? branches[0]! : { kind: 'either', children: branches };
}

function parseSequence(tokens: string[], options: Option[]): Pattern {
  const children: Pattern[] = [];
  for (;;) {
    const token = tokens[0];
    if (token === undefined || token === ']' || token === ')' || token === '|') break;
    let atom = parseAtom(tokens, options);
    if (tokens[0] === '...') {
      tokens.shift();
      atom = { kind: 'repeat', child: atom };
    }
    children.push(atom);
  }
  return { kind: 'required', children };
}

function parseAtom(tokens: string[], options: Option[]): Pattern {
  const token = tokens.shift()!;
  if (token === '(' || token === '[') {
    const inner = parseEither(tokens, options);
    tokens.shift();
    return token === '(' ? inner : optionalOf(inner);
  }
  if (token === 'options') return { kind: 'optional', children: options };
  if (token.startsWith('-')) {
    const [name = '', value] = token.split('=', 2);
    const declared = options.find((option) => option.long === name || option.short === name);
    if (declared) {
      if (declared.takesValue && value === undefined && /^<.*>$/.test(tokens[0] ?? '')) tokens.shift();
      return declared;
    }
    const option: Option = {
      kind: 'option',
      short: name.startsWith('--') ? undefined : name,
      long: name.startsWith('--') ? name : undefined,
      takesValue: value !== undefined,
      defaultValue: null,
    };
    options.push(option);
    return option;
  }
  if (token.startsWith('<')) return { kind: 'argument', name: token };
  // `<key>=<value>` is one positional whose name is the whole text.
  return token.includes('<') ? { kind: 'argument', name: token } : { kind: 'command', name: token };
}

/** In docopt each child of `[a b]` is optional on its own. */
function optionalOf(inner: Pattern): Pattern {
  return { kind: 'optional', children: inner.kind === 'required' ? inner.children : [inner] };
}

function tokenize(argv: readonly string[], options: Option[], optionsFirst: boolean): Token[] {
  const tokens: Token[] = [];
  const words = [...argv];
  while (words.length > 0) {
    const word = words[0]!;
    if (word === '--') {
      tokens.push(...words.map((value): Token => ({ kind: 'word', value })));
      return tokens;
    }
    if (word.startsWith('--')) longOption(words, options, tokens);
    else if (word.startsWith('-') && word !== '-') shortOptions(words, options, tokens);
    else if (optionsFirst) {
      tokens.push(...words.map((value): Token => ({ kind: 'word', value })));
      return tokens;
    } else {
      words.shift();
      tokens.push({ kind: 'word', value: word });
    }
  }
  return tokens;
}

function longOption(words: string[], options: Option[], tokens: Token[]): void {
  const word = words.shift()!;
  const at = word.indexOf('=');
  const name = at < 0 ? word : word.slice(0, at);
  const given = at < 0 ? undefined : word.slice(at + 1);
  let similar = options.filter((option) => option.long === name);
  if (similar.length === 0) similar = options.filter((option) => option.long?.startsWith(name));
  if (similar.length > 1) {
    throw new UsageError(
      `${name} is not a unique prefix: ${similar.map((option) => option.long).join(', ')}?`,
    );
  }
  const option = similar[0];
  if (option === undefined) {
    options.push({
      kind: 'option',
      short: undefined,
      long: name,
      takesValue: given !== undefined,
      defaultValue: null,
    });
    tokens.push({ kind: 'option', name, value: given ?? true });
    return;
  }
  const long = optionName(option);
  if (!option.takesValue) {
    if (given !== undefined) throw new UsageError(`${long} must not have an argument`);
    tokens.push({ kind: 'option', name: long, value: true });
    return;
  }
  const value = given ?? (words[0] === '--' ? undefined : words.shift());
  if (value === undefined) throw new UsageError(`${long} requires argument`);
  tokens.push({ kind: 'option', name: long, value });
}

function shortOptions(words: string[], options: Option[], tokens: Token[]): void {
  let rest = words.shift()!.slice(1);
  while (rest !== '') {
    const short = `-${rest[0]}`;
    rest = rest.slice(1);
    const option = options.find((candidate) => candidate.short === short);
    if (option === undefined) {
      options.push({ kind: 'option', short, long: undefined, takesValue: false, defaultValue: null });
      tokens.push({ kind: 'option', name: short, value: true });
    } else if (!option.takesValue) tokens.push({ kind: 'option', name: optionName(option), value: true });
    else {
      const value = rest !== '' ? rest : words[0] === '--' ? undefined : words.shift();
      if (value === undefined) throw new UsageError(`${short} requires argument`);
      tokens.push({ kind: 'option', name: optionName(option), value });
      return;
    }
  }
}

/**
 * Parses `argv` by the usage text `doc`.
 *
 * Behaviour follows docopt-go 0.6, which Project Calico's calicoctl uses up to v3.33.
 */
export function parseArgs(doc: string, argv: readonly string[], settings: ParseOptions = {}): ParseOutcome {
  const options = declaredOptions(doc);
  const pattern = parsePattern(usageBlock(doc), options);
  const declared = [...options];
  let tokens: Token[];
  try {
    const skip = settings.skip ?? 0;
    const names = argv.slice(0, skip).map((value): Token => ({ kind: 'word', value }));
    tokens = [...names, ...tokenize(argv.slice(skip), options, settings.optionsFirst === true)];
  } catch (error) {
    if (error instanceof UsageError) return { kind: 'usage', message: error.message };
    throw error;
  }
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value !== true) continue;
    if (token.name === '--help' || token.name === '-h') return { kind: 'help' };
    if (settings.version && token.name === '--version') return { kind: 'version' };
  }
  const outcome = match(pattern, tokens);
  if (!outcome.ok || outcome.left.length > 0) return { kind: 'usage', message: undefined };
  const lists = repeated(pattern);
  const args: Record<string, ArgValue> = {};
  for (const option of declared) {
    const name = optionName(option);
    args[name] = lists.has(name) ? [] : option.takesValue ? option.defaultValue : false;
  }
  for (const { name, value } of outcome.collected) {
    const before = args[name];
    args[name] = lists.has(name) ? [...(Array.isArray(before) ? before : []), String(value)] : value;
  }
  return { kind: 'args', args };
}

/** A text argument, or undefined when it was not given and has no default. */
export function textArg(args: Args, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

/** Whether a flag was given. */
export function flagArg(args: Args, name: string): boolean {
  return args[name] === true;
}

/** A repeatable argument; empty when it was not given. */
export function listArg(args: Args, name: string): readonly string[] {
  const value = args[name];
  return Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
}
