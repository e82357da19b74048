/**
 * YAML 1.1 as PyYAML reads it: the `yaml` package does the syntax, scalars are resolved here by PyYAML's rules
 * (`yes` is true, `0644` octal, `65:12` sexagesimal, `1e3` text, …).
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
} from 'yaml';
import { inputError, type Position } from '../inventory/position.ts';
import { parsePythonJson } from './json.ts';
import { keyText } from './python-literal.ts';
import { Float, integer, UnsafeText, type Value, Vault } from './value.ts';

/** A document: its value and the place of every top-level key. */
export interface Loaded {
  readonly value: Value;
  readonly positions: ReadonlyMap<string, Position>;
  readonly warnings: readonly { readonly message: string; readonly position: Position }[];
}

/** Values may be repeated by aliases; a document that multiplies itself beyond this is refused. */
const maximumValues = 500_000;
const maximumDepth = 200;

/** Reads a file of variables or an inventory: JSON if it is JSON, else YAML. Throws an error that names the place. */
export function loadYaml(file: string, source: string): Loaded {
  const json = parsePythonJson(source);
  if (json) {
    const positions = new Map<string, Position>();
    for (const [key, offset] of json.keys) positions.set(key, place(file, source, offset));
    return { value: json.value, positions, warnings: [] };
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(source, {
    lineCounter: lines,
    schema: 'failsafe',
    version: '1.1',
    uniqueKeys: false,
    strict: true,
    logLevel: 'silent',
    prettyErrors: false,
  });
  const list: readonly Document.Parsed[] = Array.isArray(documents) ? documents : [];
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, source.length));
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  for (const document of list) {
    const error = document.errors[0];
    if (error)
      throw inputError(
        at(error.pos[0]),
        `not valid YAML: ${error.message.split('\n')[0]}`,
        'Correct the line; a value that contains ": ", " #" or starts with one of { [ * & ! % @ ` must be quoted.',
      );
  }
  if (list.length > 1)
    throw inputError(
      at(list[1]?.range[0] ?? 0),
      'more than one YAML document in the file',
      'Keep one document: remove the second `---`.',
    );
  const document = list[0];
  if (!document?.contents) return { value: null, positions: new Map(), warnings: [] };
  return new Loader(document, at).load();
}

function place(file: string, source: string, offset: number): Position {
  const before = source.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Loader {
  private readonly warnings: { message: string; position: Position }[] = [];
  private readonly positions = new Map<string, Position>();
  private readonly anchors = new Map<string, Node>();
  private values = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly at: (offset: number) => Position,
  ) {}

  load(): Loaded {
    const value = this.node(this.document.contents, 0);
    return { value, positions: this.positions, warnings: this.warnings };
  }

  private error(node: { range?: unknown } | null | undefined, message: string, cure: string): Error {
    const range = node?.range as readonly [number, number, number] | undefined;
    return inputError(this.at(range?.[0] ?? 0), message, cure);
  }

  private node(node: Node | null, depth: number): Value {
    if (++this.values > maximumValues || depth > maximumDepth)
      throw this.error(
        node,
        'the document is nested too deeply or repeats itself too often',
        'Write the values out.',
      );
    if (node === null) return null;
    if (isAlias(node)) {
      const target = this.anchors.get(node.source);
      if (!target)
        throw this.error(
          node,
          `the alias *${node.source} has no anchor before it`,
          `Quote the text or define &${node.source}.`,
        );
      return this.node(target, depth + 1);
    }
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) this.anchors.set(anchor, node);
    if (isSeq(node)) return node.items.map((item) => this.node(item as Node | null, depth + 1));
    if (isMap(node)) return this.map(node.items as Pair<Node, Node | null>[], depth);
    if (isScalar(node)) return this.scalar(node as Scalar<string>);
    return null;
  }

  private map(items: readonly Pair<Node, Node | null>[], depth: number): Value {
    const own = new Map<string, Value>();
    const merged = new Map<string, Value>();
    for (const { key, value } of items) {
      if (isPlain(key) && key.source === '<<') {
        for (const [name, one] of this.mergeSources(value, depth))
          if (!merged.has(name)) merged.set(name, one);
        continue;
      }
      const resolved = this.node(key, depth + 1);
      if (Array.isArray(resolved) || resolved instanceof Map)
        throw this.error(
          key,
          'a mapping or list cannot be a key',
          'Quote it: a value that begins with {{ needs quotation marks.',
        );
      const name = keyText(resolved instanceof UnsafeText ? resolved.text : resolved);
      const range = key.range;
      const position = this.at(range?.[0] ?? 0);
      if (own.has(name)) {
        this.warnings.push({ message: `the key ${name} is given twice; the last one wins`, position });
        own.delete(name);
      }
      if (depth === 0) this.positions.set(name, position);
      own.set(name, this.node(value ?? null, depth + 1));
    }
    if (merged.size === 0) return own;
    // PyYAML puts merged keys first; own keys win.
    const result = new Map(merged);
    for (const [name, one] of own) result.set(name, one);
    return result;
  }

  private mergeSources(value: Node | null, depth: number): [string, Value][] {
    const resolved = this.node(value, depth + 1);
    const sources = Array.isArray(resolved) ? resolved : [resolved];
    const result: [string, Value][] = [];
    for (const source of sources) {
      if (!(source instanceof Map))
        throw this.error(value, 'expected a mapping after <<', 'Give << an alias of a mapping.');
      result.push(...source);
    }
    return result;
  }

  private scalar(node: Scalar<string>): Value {
    const source = String(node.value ?? '');
    const tag = node.tag;
    if (tag !== undefined) return this.tagged(node, tag.replace(/^tag:yaml\.org,2002:/, '!!'), source);
    if (!isPlain(node)) return source;
    const value = resolvePlain(source);
    if (value === undefined)
      throw this.error(
        node,
        'a lone "=" is not a value in YAML 1.1',
        'Quote it: "=". Ansible ignores the whole file otherwise.',
      );
    return value;
  }

  private tagged(node: Scalar<string>, tag: string, source: string): Value {
    switch (tag) {
      case '!vault':
      case '!vault-encrypted':
        return new Vault(source.trim());
      case '!unsafe':
        return new UnsafeText(source);
      case '!':
      case '!!str':
        return source;
      case '!!int':
      case '!!float':
      case '!!bool':
      case '!!null':
      case '!!timestamp': {
        const value = resolvePlain(source);
        if (tag === '!!float' && typeof value === 'number') return new Float(value);
        return value ?? source;
      }
      default:
        throw this.error(
          node,
          `could not determine a constructor for the tag ${tag}`,
          `Quote the text if ${tag} is part of it; only !vault and !unsafe are known.`,
        );
    }
  }
}

function isPlain(node: unknown): node is Scalar<string> & { source: string } {
  return isScalar(node) && (node.type === 'PLAIN' || node.type === undefined) && node.tag === undefined;
}

const truths: Readonly<Record<string, boolean>> = {
  yes: true,
  no: false,
  true: true,
  false: false,
  on: true,
  off: false,
};

/** A plain scalar by PyYAML's implicit resolvers; undefined for a lone `=`, which PyYAML cannot construct. */
export function resolvePlain(source: string): Value | undefined {
  if (source === '' || source === '~' || /^(?:null|Null|NULL)$/.test(source)) return null;
  if (/^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/.test(source))
    return truths[source.toLowerCase()] ?? null;
  if (
    /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/.test(source)
  )
    return resolveInteger(source);
  if (
    /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(
      source,
    )
  )
    return resolveFloat(source);
  if (source === '=') return undefined;
  return resolveTimestamp(source) ?? source;
}

function resolveInteger(source: string): Value {
  const negative = source.startsWith('-');
  const digits = source.replace(/^[-+]/, '').replaceAll('_', '');
  const signed = (value: bigint) => integer(negative ? -value : value);
  // Digits and underscores that leave nothing behind (`0_`, `0b_`) make Python fail; they are text here.
  try {
    if (digits.startsWith('0b') || digits.startsWith('0x')) return signed(BigInt(digits));
    if (digits.includes(':'))
      return signed(digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n));
    return signed(
      digits.length > 1 && digits.startsWith('0') ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits),
    );
  } catch {
    return source;
  }
}

function resolveFloat(source: string): Value {
  const negative = source.startsWith('-');
  const digits = source.replace(/^[-+]/, '').replaceAll('_', '').toLowerCase();
  const signed = (value: number) => new Float(negative ? -value : value);
  if (digits === '.inf') return signed(Number.POSITIVE_INFINITY);
  if (digits === '.nan') return new Float(Number.NaN);
  if (digits.includes(':'))
    return signed(digits.split(':').reduce((sum, part) => sum * 60 + Number(part || '0'), 0));
  return signed(Number(digits));
}

const timestamp =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]|[ \t]+)(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d{1,2})(?::?(\d{2}))?))?)?$/;

/** Dates come out of Ansible as ISO text. */
function resolveTimestamp(source: string): string | undefined {
  const match = timestamp.exec(source);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour, minute, second, fraction, zone, sign, zh, zm] = match;
  if (hour === undefined && !/^\d{4}-\d{2}-\d{2}$/.test(source)) return undefined;
  const two = (text: string) => text.padStart(2, '0');
  const date = `${year}-${two(month)}-${two(day)}`;
  if (hour === undefined) return date;
  const micro = fraction ? `.${fraction.slice(0, 6).padEnd(6, '0')}` : '';
  const offset = zone === undefined ? '' : zone === 'Z' ? '+00:00' : `${sign}${two(zh ?? '0')}:${zm ?? '00'}`;
  return `${date}T${two(hour)}:${minute}:${second}${Number(micro) === 0 ? '' : micro}${offset}`;
}
