/** Runs a parsed template over resources, with Go's field names and calicoctl's functions. */
import { goPrint, joinAndTruncate } from '../output/go-value.ts';
import { type Node, type Pipeline, parseTemplate, TemplateError, type Term } from './parse.ts';
import { fieldOf, typeName, type View } from './view.ts';

/** Functions beyond Go's own. */
export interface TemplateFunctions {
  config(name: string): string;
}

interface Scope {
  readonly functions: TemplateFunctions;
  readonly source: string;
  readonly variables: Map<string, View>;
  out: string;
}

class LoopControl extends Error {
  readonly kind: 'break' | 'continue';
  constructor(kind: 'break' | 'continue') {
    super(kind);
    this.kind = kind;
  }
}

/** The text that a template makes of `data`. @throws TemplateError with Go's message */
export function runTemplate(source: string, data: View, functions: TemplateFunctions): string {
  const nodes = parseTemplate(source);
  const scope: Scope = { functions, source, variables: new Map([['$', data]]), out: '' };
  runNodes(nodes, data, scope);
  return scope.out;
}

function runNodes(nodes: readonly Node[], dot: View, scope: Scope): void {
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        scope.out += node.text;
        break;
      case 'action': {
        const value = evaluate(node.pipe, dot, scope);
        if (!node.pipe.declare) scope.out += printed(value);
        break;
      }
      case 'if':
      case 'with': {
        const value = evaluate(node.pipe, dot, scope);
        if (truth(value.value)) runNodes(node.body, node.kind === 'with' ? value : dot, scope);
        else runNodes(node.other, dot, scope);
        break;
      }
      case 'range':
        runRange(node, dot, scope);
        break;
      default:
        throw new LoopControl(node.kind);
    }
  }
}

function runRange(node: Extract<Node, { kind: 'range' }> | Node, dot: View, scope: Scope): void {
  if (node.kind !== 'range') return;
  const over = evaluate(node.pipe, dot, scope);
  const pairs = elements(over);
  if (pairs.length === 0) runNodes(node.other, dot, scope);
  for (const [key, item] of pairs) {
    const names = node.pipe.declare?.names ?? [];
    if (names.length === 1) scope.variables.set(names[0]!, item);
    if (names.length === 2) {
      scope.variables.set(names[0]!, { value: key, schema: undefined });
      scope.variables.set(names[1]!, item);
    }
    try {
      runNodes(node.body, item, scope);
    } catch (error) {
      if (!(error instanceof LoopControl)) throw error;
      if (error.kind === 'break') break;
    }
  }
}

function elements(view: View): readonly (readonly [unknown, View])[] {
  const { value, schema } = view;
  if (Array.isArray(value)) {
    const item = schema?.type === 'list' ? schema.item : undefined;
    return value.map((one, at) => [at, { value: one, schema: item }] as const);
  }
  if (typeof value === 'object' && value !== null) {
    const inner = schema?.type === 'map' ? schema.value : undefined;
    return Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, { value: one, schema: inner }] as const);
  }
  if (value === null || value === undefined) return [];
  throw new TemplateError(`template: get: range can't iterate over ${printed(view)}`);
}

function evaluate(pipe: Pipeline, dot: View, scope: Scope): View {
  let value: View | undefined;
  for (const command of pipe.commands) value = runCommand(command, value, dot, scope);
  const result = value ?? { value: undefined, schema: undefined };
  if (pipe.declare) for (const name of pipe.declare.names) scope.variables.set(name, result);
  return result;
}

function runCommand(command: readonly Term[], piped: View | undefined, dot: View, scope: Scope): View {
  const [first, ...rest] = command;
  if (first === undefined) throw new TemplateError('template: get: missing value for command');
  if (first.kind !== 'function') {
    if (rest.length > 0 || piped) {
      throw new TemplateError("template: get: can't give argument to non-function");
    }
    return evaluateTerm(first, dot, scope);
  }
  const values = rest.map((term) => evaluateTerm(term, dot, scope));
  if (piped) values.push(piped);
  return call(first.name, values, scope);
}

function evaluateTerm(term: Term, dot: View, scope: Scope): View {
  switch (term.kind) {
    case 'literal':
      return { value: term.value, schema: undefined };
    case 'nil':
      return { value: null, schema: undefined };
    case 'function':
      return call(term.name, [], scope);
    case 'pipe':
      return descend(evaluate(term.pipe, dot, scope), term.path, term.at, `(${term.path.join('.')})`, scope);
    case 'field':
      return descend(dot, term.path, term.at, term.text, scope);
    case 'variable': {
      const variable = scope.variables.get(term.name);
      if (!variable) throw new TemplateError(`template: get:1: undefined variable "${term.name}"`);
      return descend(variable, term.path, term.at, term.text, scope);
    }
  }
}

function descend(start: View, path: readonly string[], at: number, text: string, scope: Scope): View {
  let view = start;
  for (const name of path) {
    const next = fieldOf(view, name);
    if (!next) {
      const before = scope.source.slice(0, at).split('\n');
      const where = `get:${before.length}:${before.at(-1)!.length}`;
      throw new TemplateError(
        `template: ${where}: executing "get" at <${text}>: can't evaluate field ${name} in type ${typeName(view)}`,
      );
    }
    view = next;
  }
  return view;
}

/** Go's truth: zero values are false. */
function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function printed(view: View): string {
  const { value, schema } = view;
  if (value === undefined || value === null) return schema ? '<nil>' : '<no value>';
  return goPrint(value);
}

const plain = (value: unknown): View => ({ value, schema: undefined });

function call(name: string, args: readonly View[], scope: Scope): View {
  const values = args.map((arg) => arg.value);
  const [a, b] = values;
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(goPrint) : []);
  switch (name) {
    case 'join':
      return plain(texts(a).join(String(b)));
    case 'joinAndTruncate':
      return plain(joinAndTruncate(texts(a), String(b), Number(values[2])));
    case 'config':
      return plain(scope.functions.config(String(a)));
    case 'len':
      return plain(
        Array.isArray(a)
          ? a.length
          : typeof a === 'string'
            ? Buffer.byteLength(a)
            : Object.keys(a ?? {}).length,
      );
    case 'index':
      return values.slice(1).reduce<View>((view, key) => indexed(view, key), args[0]!);
    case 'not':
      return plain(!truth(a));
    case 'and':
      return args.find((arg) => !truth(arg.value)) ?? args.at(-1)!;
    case 'or':
      return args.find((arg) => truth(arg.value)) ?? args.at(-1)!;
    case 'eq':
      return plain(values.slice(1).some((value) => value === a));
    case 'ne':
      return plain(a !== b);
    case 'lt':
      return plain(compare(a, b) < 0);
    case 'le':
      return plain(compare(a, b) <= 0);
    case 'gt':
      return plain(compare(a, b) > 0);
    case 'ge':
      return plain(compare(a, b) >= 0);
    case 'print':
      return plain(args.map(printed).join(''));
    case 'println':
      return plain(`${args.map(printed).join(' ')}\n`);
    case 'printf':
      return plain(formatted(String(a), values.slice(1)));
    default:
      throw new TemplateError(`template: get:1: function "${name}" not defined`);
  }
}

function indexed(view: View, key: unknown): View {
  const { value, schema } = view;
  if (Array.isArray(value)) {
    const at = Number(key);
    if (!(at >= 0 && at < value.length)) {
      throw new TemplateError(`template: get: error calling index: index out of range: ${at}`);
    }
    return { value: value[at], schema: schema?.type === 'list' ? schema.item : undefined };
  }
  const found = (value as Readonly<Record<string, unknown>> | null)?.[String(key)];
  return { value: found ?? '', schema: schema?.type === 'map' ? schema.value : undefined };
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

function formatted(format: string, values: readonly unknown[]): string {
  let at = 0;
  return format.replace(/%(-?\d*)([vsdqt%])/g, (_all, width: string, verb: string) => {
    if (verb === '%') return '%';
    const value = values[at++];
    const text = verb === 'q' ? JSON.stringify(String(value)) : goPrint(value);
    const size = Math.abs(Number(width || 0));
    return width.startsWith('-') ? text.padEnd(size) : text.padStart(size);
  });
}
