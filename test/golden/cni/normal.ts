/** Values that differ from run to run, brought into one form on both sides. */

const uid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const goTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/;
const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const linkLocal = /^fe80::(?!ecee:eeff:feee:eeee)[0-9a-f:]+(\/64)?$/;

/** Members whose numbers count writes: their values are ours. */
const counters = new Set(['sequenceNumber', 'sequenceNumberForAllocation']);

/** The value with placeholders for what is random. `fixed` are MACs that the recording names. */
export function normal(value: unknown, fixed: ReadonlySet<string>, name = ''): unknown {
  if (counters.has(name)) return '<seq>';
  if (Array.isArray(value)) return value.map((item) => normal(item, fixed));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, normal(item, fixed, key)]),
    );
  }
  if (typeof value !== 'string') return value;
  if (uid.test(value)) return '<uid>';
  if (/^<uid\d*>$/.test(value)) return '<uid>';
  if (rfc3339.test(value) || goTime.test(value) || /^<(time|time-frac|go-time)>$/.test(value))
    return '<time>';
  if (/^<mac\d+>$/.test(value) || (mac.test(value) && !fixed.has(value))) return '<mac>';
  if (/^<ll\d+>(\/64)?$/.test(value) || linkLocal.test(value)) return '<ll>';
  return value;
}

/** MACs that stand in the recording as they are: the host side's, and those that a pod asked for. */
export function namedMacs(recording: string): ReadonlySet<string> {
  return new Set(recording.match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g) ?? []);
}

/** Where two values differ, as lines; empty when they do not. */
export function difference(expected: unknown, actual: unknown, path = ''): readonly string[] {
  if (JSON.stringify(expected) === JSON.stringify(actual)) return [];
  const both = [expected, actual];
  if (both.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))) {
    const [left, right] = both as [Record<string, unknown>, Record<string, unknown>];
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
      difference(left[key], right[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return [`${path}: recorded ${JSON.stringify(expected)}, ours ${JSON.stringify(actual)}`];
}
