/**
 * JSON without loss: integers above 2^53 become bigint, and the text written is the text Go's encoder writes.
 */
import { CalicoError, messageOf } from '../errors.ts';
import type { Json } from './port.ts';

/**
 * A number with digits enough to exceed 2^53, or a text that looks like one; without it, the native parser loses
 * nothing. A number follows one of these characters; digits within names and hashes do not.
 */
const longNumber = /(?:^|[:,[\s])-?\d{16}/;

/** Reads JSON; integers that a double cannot hold become bigint. @throws CalicoError INPUT */
export function parseJson(text: string): Json {
  try {
    return longNumber.test(text) ? (JSON.parse(text, reviveInteger) as Json) : (JSON.parse(text) as Json);
  } catch (error) {
    throw new CalicoError('INPUT', `not valid JSON: ${messageOf(error)}`, { cause: error });
  }
}

function reviveInteger(_name: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/**
 * Writes compact JSON as Go does: members in insertion order, `<`, `>`, `&` and U+2028/9 escaped. Members whose names
 * are all decimal numbers (a JavaScript object orders those by value) are sorted as text, as Go sorts map keys.
 * `undefined` members are left out.
 */
export function formatJson(value: unknown): string {
  return escapeLikeGo(hasSpecials(value) ? formatValue(value) : JSON.stringify(value));
}

/** Whether the value holds a bigint or an object with numeric names, which JSON.stringify cannot write as needed. */
function hasSpecials(value: unknown): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasSpecials);
  for (const name in value) {
    if (isDigit(name.charCodeAt(0)) || hasSpecials((value as Record<string, unknown>)[name])) return true;
  }
  return false;
}

function formatValue(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.every(([name]) => /^\d+$/.test(name))) members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${formatValue(member)}`).join(',')}}`;
}

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

// These characters occur in JSON text only inside strings, so replacing them everywhere is right.
function escapeLikeGo(text: string): string {
  return /[<>&\u2028\u2029]/.test(text) ? text.replace(/[<>&\u2028\u2029]/g, (char) => escapes[char]!) : text;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
