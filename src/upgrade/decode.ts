/**
 * Reads stored v1 JSON as Go's decoder does: member names in any case, the last of duplicates wins, `null` is the zero
 * value, unknown members are ignored, and one member of a wrong type makes the whole document unreadable.
 */

/** Why a document cannot be read. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Turns a JSON value into a T or throws {@link DecodeError}; `where` names the member. */
export type Decoder<T> = (value: unknown, where: string) => T;

const fail = (where: string, expected: string, value: unknown): never => {
  throw new DecodeError(`${where}: expected ${expected}, got ${JSON.stringify(value)}`);
};

/** Text. */
export const text: Decoder<string> = (value, where) =>
  typeof value === 'string' ? value : fail(where, 'a string', value);

/** True or false. */
export const flag: Decoder<boolean> = (value, where) =>
  typeof value === 'boolean' ? value : fail(where, 'true or false', value);

/** Any number. */
export const number: Decoder<number> = (value, where) =>
  typeof value === 'number' ? value : fail(where, 'a number', value);

/** A whole number within bounds, both included. */
export const integer =
  (least: number, most: number): Decoder<number> =>
  (value, where) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : fail(where, `a whole number from ${least} to ${most}`, value);

/** A list; `null` items are kept as `undefined`. */
export const list =
  <T>(item: Decoder<T>): Decoder<readonly (T | undefined)[]> =>
  (value, where) =>
    Array.isArray(value)
      ? value.map((one, index) => (one === null ? undefined : item(one, `${where}[${index}]`)))
      : fail(where, 'a list', value);

/** A map of text to text. */
export const textMap: Decoder<Readonly<Record<string, string>>> = (value, where) => {
  const source = asObject(value, where);
  return Object.fromEntries(
    Object.entries(source).map(([key, one]) => [key, one === null ? '' : text(one, `${where}.${key}`)]),
  );
};

/** The members of an object by their own decoders; absent and `null` members are left out. */
export const members =
  <S extends Readonly<Record<string, Decoder<unknown>>>>(
    shape: S,
  ): Decoder<{ readonly [K in keyof S]?: ReturnType<S[K]> }> =>
  (value, where) => {
    const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
    const result: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(asObject(value, where))) {
      const name = names.get(key.toLowerCase());
      if (name !== undefined && one !== null)
        result[name] = shape[name]!(one, where === '' ? name : `${where}.${name}`);
    }
    return result as { readonly [K in keyof S]?: ReturnType<S[K]> };
  };

/** Parses and decodes a stored document; a document `null` is an empty object. @throws DecodeError */
export function decodeDocument<T>(source: string, decoder: Decoder<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    throw new DecodeError(source === '' ? 'the value is empty' : 'the value is not JSON');
  }
  return decoder(value ?? {}, '');
}

function asObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  return fail(where || 'the value', 'an object', value);
}
