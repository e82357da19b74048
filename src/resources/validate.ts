/**
 * Validation: every field against its tags, every struct against its own check, then, for 3.32, the CRD schema and its
 * CEL rules. The texts and their order are upstream's (libcalico-go/lib/validator/v3/validator.go).
 */

import { CalicoError } from '../errors.ts';
import { celChecks } from './checks/cel.ts';
import { kindChecks } from './checks/kind-checks.ts';
import { structChecks } from './checks/struct-checks.ts';
import { goName } from './go-name.ts';
import { goPrint } from './go-print.ts';
import { isKind, type Kind, kinds } from './kinds.ts';
import { metadataProblems } from './metadata-rules.ts';
import { portSpan, protocolNumbers } from './numbers.ts';
import { type Problem, problemsText } from './problem.ts';
import type { Resource } from './resource.ts';
import { type CrdRule, type Field, minorOf, type Release, type Schema } from './schema.ts';
import { failedTag } from './tags.ts';

/** Options of {@link validate}. */
export interface ValidateOptions {
  readonly release: Release;
}

/** Everything that upstream's validator refuses in a resource (with its API name); empty when nothing. */
export function validate(resource: Resource, options: ValidateOptions): readonly Problem[] {
  if (!isKind(resource.kind)) return [];
  const kind: Kind = resource.kind;
  const { release } = options;
  const schema: Schema = kinds[kind].spec;
  const problems: Problem[] = [
    ...metadataProblems(resource.metadata, release),
    ...fieldProblems(schema, resource.spec, { release, kind }),
    ...(kindChecks[kind]?.(resource, release) ?? []),
  ];
  if (release === 'v3.32' && !withoutCrd.has(kind)) {
    problems.push(
      ...crdProblems(schema, resource.spec, 'spec'),
      ...celProblems(schema, resource.spec, 'spec'),
    );
    problems.push(...(celChecks[kind]?.(resource, '') ?? []).map((reason) => ({ field: kind, reason })));
  }
  return problems;
}

/** As {@link validate}. @throws CalicoError INPUT with upstream's text */
export function assertValid(resource: Resource, options: ValidateOptions): void {
  const problems = validate(resource, options);
  if (problems.length > 0) {
    throw new CalicoError('INPUT', problemsText(problems), { details: { problems } });
  }
}

/** Kinds that have no CRD, or whose CRD 3.32 does not check. */
const withoutCrd: ReadonlySet<Kind> = new Set(['Node', 'Profile', 'WorkloadEndpoint']);

interface Context {
  readonly release: Release;
  readonly kind: Kind;
}

function* fieldProblems(schema: Schema, value: unknown, context: Context): Generator<Problem> {
  const absent = value === undefined || value === null;
  switch (schema.type) {
    case 'struct': {
      const object = (absent ? {} : value) as Readonly<Record<string, unknown>>;
      for (const [json, field] of Object.entries(schema.fields)) {
        if ((field.since ?? 0) > minorOf(context.release)) continue;
        yield* oneField(json, field, object[json], context);
      }
      yield* structChecks[schema.go]?.(object, context.release, context.kind) ?? [];
      return;
    }
    case 'list':
      for (const item of absent ? [] : (value as readonly unknown[])) {
        yield* fieldProblems(schema.item, item, context);
      }
      return;
    case 'protocol':
      if (!absent) yield* protocolProblems(value);
      return;
    case 'port': {
      const span = absent ? undefined : portSpan(value as number | string);
      if (span && (span.first < 1 || span.last > 65535)) {
        const reason = 'port range invalid, port number must be between 1 and 65535';
        yield { field: 'Port', value: String(value), reason };
      }
      return;
    }
    default:
      return;
  }
}

function* oneField(json: string, field: Field, value: unknown, context: Context): Generator<Problem> {
  const name = field.go ?? goName(json);
  const { schema } = field;
  if (field.rule !== undefined && (field.mandatory || !isZero(value, field))) {
    const failed = failedTag(ruleFor(field.rule, context.release), value ?? zeroOf(schema));
    if (failed !== undefined) {
      yield tagProblem(name, failed, goPrint(schema, value, context.release));
      return;
    }
  }
  if (schema.type === 'list' && schema.rule !== undefined && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const failed = failedTag(schema.rule, item);
      if (failed !== undefined) yield tagProblem(`${name}[${index}]`, failed, String(item));
    }
  }
  if (schema.type === 'struct' && (value === undefined || value === null) && isOptionalStruct(field)) return;
  yield* fieldProblems(schema, value, context);
}

/** A rule may name one tag per release: `ip|IP:port`. */
function ruleFor(rule: string, release: Release): string {
  const [older, newer] = rule.split('|') as [string, string?];
  return newer === undefined || release === 'v3.15' ? older : newer;
}

function isOptionalStruct(field: Field): boolean {
  return field.pointer ?? false;
}

function isZero(value: unknown, field: Field): boolean {
  if (value === undefined || value === null) return true;
  if (field.pointer) return false;
  return value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0);
}

function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case 'integer':
    case 'float':
      return 0;
    case 'boolean':
      return false;
    default:
      return '';
  }
}

function tagProblem(field: string, tag: string, value: string): Problem {
  return { field, value, reason: `Reason: failed to validate Field: ${field} because of Tag: ${tag} ` };
}

function* protocolProblems(value: unknown): Generator<Problem> {
  if (value === 0) yield { field: 'Protocol', value: '0', reason: 'protocol number invalid' };
  else if (typeof value === 'string' && !Object.hasOwn(protocolNumbers, value)) {
    yield { field: 'Protocol', value, reason: 'protocol name invalid' };
  }
}

function* crdProblems(schema: Schema, value: unknown, path: string): Generator<Problem> {
  if (value === undefined || value === null) {
    return;
  }
  if (schema.type === 'struct') {
    const object = value as Readonly<Record<string, unknown>>;
    yield* ruleProblems(schema.crd, object, path);
    for (const [json, field] of Object.entries(schema.fields)) {
      const inner = object[json] ?? (field.required ? zeroOf(field.schema) : undefined);
      if (inner === undefined || (inner === '' && !field.required)) continue;
      for (const rule of crdOf(field)) yield* ruleProblems(rule, inner, `${path}.${json}`);
      yield* crdProblems(field.schema, inner, `${path}.${json}`);
    }
  } else if (schema.type === 'list' && Array.isArray(value)) {
    const rule = schema.crd ?? enumOf(schema.item);
    for (const [index, item] of value.entries()) {
      yield* ruleProblems(rule, item, `${path}[${index}]`);
      yield* crdProblems(schema.item, item ?? {}, `${path}[${index}]`);
    }
  }
}

function crdOf(field: Field): readonly CrdRule[] {
  if (field.crd) return Array.isArray(field.crd) ? field.crd : [field.crd as CrdRule];
  const values = enumOf(field.schema);
  return values ? [values] : [];
}

function enumOf(schema: Schema): CrdRule | undefined {
  return schema.type === 'string' && schema.values ? { values: schema.values } : undefined;
}

function* ruleProblems(rule: CrdRule | undefined, value: unknown, path: string): Generator<Problem> {
  if (!rule) return;
  const body = (text: string): Problem => ({ field: path, reason: `${path} in body should ${text}` });
  if (rule.maxLength !== undefined && String(value).length > rule.maxLength) {
    yield { field: path, reason: `may not be more than ${rule.maxLength} bytes` };
  }
  if (rule.min !== undefined && Number(value) < rule.min)
    yield body(`be greater than or equal to ${rule.min}`);
  if (rule.max !== undefined && Number(value) > rule.max) yield body(`be less than or equal to ${rule.max}`);
  if (rule.pattern !== undefined && !matchesGoPattern(rule.pattern, String(value))) {
    yield body(`match '${rule.pattern}'`);
  }
  if (rule.values && !rule.values.includes(String(value))) {
    yield { field: path, reason: `supported values: ${rule.values.map((one) => `"${one}"`).join(', ')}` };
  }
  if (rule.format === 'cidr' && value !== '' && !isCidr(String(value))) {
    yield { field: path, reason: `${path} in body must be of type cidr: ${JSON.stringify(value)}` };
  }
  if (rule.minProperties !== undefined && Object.keys(value as object).length < rule.minProperties) {
    yield body(`have at least ${rule.minProperties} properties`);
  }
  if (Array.isArray(value)) {
    if (rule.minItems !== undefined && value.length < rule.minItems) {
      yield body(`have at least ${rule.minItems} items`);
    }
    if (rule.maxItems !== undefined && value.length > rule.maxItems) {
      yield { field: path, reason: `must have at most ${rule.maxItems} items` };
    }
  }
}

/** Go patterns may begin with `(?i)` after the anchor, which JavaScript writes as a flag. */
function matchesGoPattern(pattern: string, text: string): boolean {
  const insensitive = pattern.includes('(?i)');
  return new RegExp(pattern.replace('(?i)', '').replaceAll('\\\\.', '\\.'), insensitive ? 'i' : '').test(
    text,
  );
}

function* celProblems(schema: Schema, value: unknown, path: string): Generator<Problem> {
  if (value === undefined || value === null) return;
  if (schema.type === 'struct') {
    const object = value as Readonly<Record<string, unknown>>;
    for (const [json, field] of Object.entries(schema.fields)) {
      yield* celProblems(field.schema, object[json], `${path}.${json}`);
    }
    for (const reason of celChecks[schema.go]?.(object, path) ?? []) yield { field: path, reason };
  } else if (schema.type === 'list') {
    for (const [index, item] of (value as readonly unknown[]).entries()) {
      yield* celProblems(schema.item, item, `${path}[${index}]`);
    }
  }
}

/** CRD schemas take no bare address for a CIDR. */
function isCidr(text: string): boolean {
  return text.includes('/') && failedTag('cidr', text) === undefined;
}
