/** Reads YAML 1.1 (and with it JSON) as go-yaml does, with go-yaml's error texts. */
import { LineCounter, parseDocument, type TagId, type Tags, type YAMLError } from 'yaml';

/** Text that is no YAML; the message begins with `yaml: `. */
export class YamlError extends Error {}

/** A key that stands twice in one mapping. */
export interface DuplicateKey {
  readonly line: number;
  readonly key: string;
}

/** A document's value, and the keys that stand twice in it (the last one counts). */
export interface YamlDocument {
  readonly value: unknown;
  readonly duplicates: readonly DuplicateKey[];
}

/** Reads one document. @throws YamlError */
export function parseYaml(text: string): YamlDocument {
  const source = text.replace(/^\ufeff/, '');
  const lines = new LineCounter();
  const duplicates: DuplicateKey[] = [];
  const document = parseDocument(source, {
    version: '1.1',
    schema: 'yaml-1.1',
    merge: true,
    intAsBigInt: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
    uniqueKeys: false,
    customTags: goTags,
  });
  const [error] = document.errors;
  if (error) throw new YamlError(goMessage(error, source, lines));
  collectDuplicates(document.contents, lines, duplicates);
  try {
    return { value: plain(document.toJS({ maxAliasCount: 1000 })), duplicates };
  } catch (cause) {
    const alias = /: (\S+)$/.exec(cause instanceof Error ? cause.message : '')?.[1] ?? '';
    throw new YamlError(`yaml: unknown anchor '${alias}' referenced`);
  }
}

/** go-yaml resolves neither times nor base-60 numbers when it reads into JSON. */
function goTags(tags: Tags): (Tags[number] | TagId)[] {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
  );
}

/** Integers of the parser are bigint so that none loses digits; those that fit become numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  }
  return value;
}

interface MapNode {
  readonly items: readonly { readonly key: unknown; readonly value: unknown }[];
}

function collectDuplicates(node: unknown, lines: LineCounter, found: DuplicateKey[]): void {
  if (typeof node !== 'object' || node === null || !('items' in node) || !Array.isArray(node.items)) return;
  const seen = new Set<string>();
  for (const item of (node as MapNode).items) {
    if (typeof item !== 'object' || item === null || !('key' in item)) {
      collectDuplicates(item, lines, found);
      continue;
    }
    const { key, value } = item;
    if (typeof key === 'object' && key !== null && 'value' in key) {
      const name = String(key.value);
      if (seen.has(name) && 'range' in key && Array.isArray(key.range)) {
        found.push({ line: lines.linePos(Number(key.range[0])).line, key: name });
      }
      seen.add(name);
    }
    collectDuplicates(value, lines, found);
  }
}

/** What go-yaml says where the parser here says something else. Its lines count from 0 and are left out at 0. */
function goMessage(error: YAMLError, source: string, lines: LineCounter): string {
  const at = lines.linePos(error.pos[0]).line - 1;
  const end = source.split('\n').length - 1;
  const text = (line: number, problem: string): string =>
    `yaml: ${line > 0 ? `line ${line}: ` : ''}${problem}`;
  switch (error.code) {
    case 'TAB_AS_INDENT':
      // The scanner's own errors count from 1, except in the first line.
      return text(at === 0 ? 0 : at + 1, 'found character that cannot start any token');
    case 'BAD_INDENT':
      return flowProblem(source, end, text) ?? text(at, 'did not find expected key');
    case 'MISSING_CHAR':
      if (/directives-end/.test(error.message)) return text(end, 'did not find expected <document start>');
      if (/quote/.test(error.message)) return text(end + 1, 'found unexpected end of stream');
      return flowProblem(source, end, text) ?? text(at, 'did not find expected node content');
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return text(at === 0 ? 0 : at + 1, 'mapping values are not allowed in this context');
    case 'MULTIPLE_DOCS':
      return text(0, 'did not find expected node content');
    default:
      return text(at, error.message.charAt(0).toLowerCase() + error.message.slice(1));
  }
}

/** A flow collection that is not closed. */
function flowProblem(
  source: string,
  end: number,
  text: (line: number, problem: string) => string,
): string | undefined {
  const body = source.replace(/\s+$/, '');
  if (/[[{]$/.test(body)) return text(end, 'did not find expected node content');
  const open: string[] = [];
  for (const char of source) {
    if (char === '[' || char === '{') open.push(char);
    else if (char === ']' || char === '}') open.pop();
  }
  const last = open.at(-1);
  if (last === undefined) return undefined;
  return text(end, `did not find expected ',' or '${last === '[' ? ']' : '}'}'`);
}
