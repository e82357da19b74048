/**
 * The variables of a host as templates see them: evaluated lazily, each once.
 * Upstream: ansible/ansible: lib/ansible/template (with jinja2_native off).
 */
import { parsePythonJson } from '../values/json.ts';
import { parsePythonLiteral } from '../values/python-literal.ts';
import { isList, isMapping, type Mapping, type Value, Vault } from '../values/value.ts';
import { Evaluator, type Scope } from './evaluate.ts';
import { type Result, Undefined } from './operators.ts';
import { isTemplate, parseTemplate } from './parse-template.ts';
import { type Piece, TemplateError } from './syntax.ts';

/** A variable evaluated: its value, its absence, or why it cannot be had. */
export type Resolved =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'undefined'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string; readonly reason: TemplateError['reason'] };

/** Where raw values come from: the host's variables, role defaults, and what Ansible itself sets. */
export type RawLookup = (name: string) => Value | undefined;

const parsed = new Map<string, readonly Piece[]>();

/** Parsed templates are kept: one text is often the same for all hosts. */
function pieces(source: string): readonly Piece[] {
  const known = parsed.get(source);
  if (known) return known;
  const result = parseTemplate(source);
  if (parsed.size > 5_000) parsed.clear();
  parsed.set(source, result);
  return result;
}

/** Lazy evaluation with detection of circles. */
export class HostScope implements Scope {
  private readonly known = new Map<string, Resolved>();
  private readonly pending = new Set<string>();

  constructor(private readonly raw: RawLookup) {}

  /** A variable, evaluated. */
  get(name: string): Resolved {
    const known = this.known.get(name);
    if (known) return known;
    const result = this.resolve(name);
    if (this.pending.size === 0 || result.kind === 'value') this.known.set(name, result);
    return result;
  }

  /** For templates: errors are thrown. */
  lookup(name: string): Result {
    const result = this.get(name);
    if (result.kind === 'value') return result.value;
    if (result.kind === 'undefined') return new Undefined(result.message);
    throw new TemplateError(result.message, result.reason);
  }

  private resolve(name: string): Resolved {
    const raw = this.raw(name);
    if (raw === undefined) return { kind: 'undefined', message: `'${name}' is undefined` };
    if (this.pending.has(name) || this.pending.size > 60)
      return { kind: 'error', message: 'recursive loop detected in template string', reason: 'failed' };
    this.pending.add(name);
    try {
      return { kind: 'value', value: this.template(raw, 0) };
    } catch (error) {
      if (error instanceof TemplateError)
        return { kind: 'error', message: error.message, reason: error.reason };
      throw error;
    } finally {
      this.pending.delete(name);
    }
  }

  /** Evaluates the templates inside a value. */
  template(value: Value, depth = 0): Value {
    if (depth > 100) throw new TemplateError('nested too deeply', 'failed');
    if (typeof value === 'string') return isTemplate(value) ? this.text(value, depth) : value;
    if (value instanceof Vault) return value;
    if (isList(value)) return value.map((one) => this.template(one, depth + 1));
    if (isMapping(value)) {
      // `hostvars` computes its entries on demand and must not be copied.
      if (value.size === 0) return value;
      const result = new Map<string, Value>();
      for (const [key, one] of value) result.set(key, this.template(one, depth + 1));
      return result as Mapping;
    }
    return value;
  }

  private text(source: string, depth: number): Value {
    const parts = pieces(source);
    const evaluator = new Evaluator(this);
    const only = parts[0];
    // One variable alone keeps its type.
    if (parts.length === 1 && only?.kind === 'output' && only.expression.kind === 'name')
      return evaluator.value(only.expression, new Map());
    const rendered = evaluator.render(parts);
    if (isTemplate(rendered) && rendered !== source && depth < 20) return this.template(rendered, depth + 1);
    return retype(rendered);
  }
}

/** Text that is exactly `True` or `False`, or a list or mapping, gets its type back. */
function retype(rendered: string): Value {
  if (rendered === 'True') return true;
  if (rendered === 'False') return false;
  if (!/^\s*(?:\{(?!\{)|\[)/.test(rendered)) return rendered;
  const literal = parsePythonLiteral(
    rendered.replace(/\b(true|false|null)\b/g, (word) => words[word] ?? word),
  );
  return literal ?? parsePythonJson(rendered)?.value ?? rendered;
}

const words: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None' };
