/** How Go prints values: `%v` of numbers, lists and maps, and the cuts of calicoctl's tables. */

/** A float64 as Go's `%v`: the shortest digits, with an exponent below 1e-4 and from 1e6 on. */
export function goFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  if (Number(power) >= -4 && Number(power) < 6) return String(value);
  const digits = power.replace(/^[+-]/, '').padStart(2, '0');
  return `${mantissa}e${power.startsWith('-') ? '-' : '+'}${digits}`;
}

/** `%.5g`. */
export function goGeneral5(value: number): string {
  if (value === 0) return '0';
  const exponent = Number(value.toExponential(4).split('e')[1]);
  if (exponent >= 5 || exponent < -4) {
    const [mantissa = '', power = '0'] = value.toExponential(4).split('e');
    const digits = power.replace(/^[+-]/, '').padStart(2, '0');
    return `${mantissa.replace(/\.?0+$/, '')}e${power.startsWith('-') ? '-' : '+'}${digits}`;
  }
  const fixed = value.toFixed(Math.max(0, 4 - exponent));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** Joins and cuts to `width`, the last three characters being dots, as calicoctl's `joinAndTruncate`. */
export function joinAndTruncate(items: readonly string[], separator: string, width: number): string {
  const joined = items.join(separator);
  return joined.length > width ? `${joined.slice(0, Math.max(0, width - 3))}...` : joined;
}

/** A map of text as `k=v` pairs, sorted. */
export function mapPairs(map: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(map ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

/** Any value as Go's `%v`, for values that come from JSON. */
export function goPrint(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return goFloat(value);
  if (Array.isArray(value)) return `[${value.map(goPrint).join(' ')}]`;
  if (typeof value === 'object') {
    const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${pairs.map(([name, member]) => `${name}:${goPrint(member)}`).join(' ')}]`;
  }
  return String(value);
}
