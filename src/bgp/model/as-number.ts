/** AS numbers: 32 bits; decimal or dotted text, or a number. */

/** Reads an AS number; `undefined` when unset, 0 or none. BIRD knows decimals only, so that is what is kept. */
export function tryParseAsNumber(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const text = String(value);
  const [, high, low] = /^(\d{1,5})\.(\d{1,5})$/.exec(text) ?? [];
  if (high !== undefined && low !== undefined) {
    const parts = [Number(high), Number(low)] as const;
    return parts.some((one) => one > 0xffff) ? undefined : parts[0] * 0x10000 + parts[1] || undefined;
  }
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number > 0xffffffff || number === 0 ? undefined : number;
}
