/** AS numbers and other numbers as Kubespray's templates pass them to Calico. */
import { Float, text, type Value } from '../values/value.ts';
import { resolvePlain } from '../values/yaml.ts';

/** What becomes of an AS number: the number Calico stores, and whether it is surely what was meant. */
export type AsNumberResult =
  | { readonly kind: 'number'; readonly number: number; readonly suspicious: string | undefined }
  | { readonly kind: 'invalid'; readonly text: string };

const maximum = 4_294_967_295;

/** Calico's reading of quoted text: a number, or asdot `high.low`. */
function parseAs(source: string): number | undefined {
  if (/^\d+$/.test(source)) return Number(source) <= maximum ? Number(source) : undefined;
  const dotted = /^(\d+)\.(\d+)$/.exec(source);
  if (!dotted) return undefined;
  const [high, low] = [Number(dotted[1]), Number(dotted[2])];
  return high <= 65_535 && low <= 65_535 ? high * 65_536 + low : undefined;
}

/** `local_as` and `peers[].as`: written between quotation marks. */
export function quotedAs(value: Value): AsNumberResult {
  const written = text(value);
  const number = parseAs(written);
  if (number === undefined) return { kind: 'invalid', text: written };
  const suspicious =
    value instanceof Float
      ? `${written} is a decimal number, not text: asdot notation loses a trailing zero; write it as a whole number or as quoted text`
      : undefined;
  return { kind: 'number', number, suspicious };
}

/** `global_as_num`: pasted without quotation marks, so calicoctl's YAML (which knows `0o17` as well) types it once more. */
export function pastedAs(value: Value): AsNumberResult {
  const written = text(value);
  const typed = /^0o[0-7]+$/.test(written) ? Number(written) : (resolvePlain(written) ?? written);
  if (typeof typed !== 'number' || typed < 0 || typed > maximum) return { kind: 'invalid', text: written };
  const suspicious = String(typed) === written ? undefined : `${written} is read as the number ${typed}`;
  return { kind: 'number', number: typed, suspicious };
}

/** A number that may have been given as text; undefined if it is none. */
export function wholeNumber(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && /^\s*\d+\s*$/.test(value)) return Number(value);
  return undefined;
}

/** A boolean pasted into a document: text is read by YAML. */
export function pastedBoolean(value: Value | undefined): boolean {
  if (typeof value === 'string') return resolvePlain(value) === true;
  return value === true || (typeof value === 'number' && value !== 0);
}
