/** What BIRD answers to `show protocols` and `show protocols all`, as rows. BIRD 1.6 and 2 are both read. */

/** A channel's counters. */
export interface RouteCounts {
  readonly imported: number;
  readonly exported: number;
  readonly preferred: number;
}

/** A protocol of BIRD. */
export interface ProtocolRow {
  readonly name: string;
  readonly proto: string;
  readonly table: string;
  /** `up`, `start`, `down`, `stop`, … */
  readonly state: string;
  readonly since: string;
  /** State of the BGP session; empty for other protocols and when it is down. */
  readonly bgpState: string;
  /** Why the session is not up; may be empty. */
  readonly reason: string;
  /** From `show protocols all` only. */
  readonly neighbor?: string;
  readonly neighborAS?: number;
  readonly lastError?: string;
  readonly routes?: RouteCounts;
}

/**
 * Reads reply lines, with or without their four-digit codes. Lines that are none of a known form are passed over: a
 * garbled reply gives fewer rows, never wrong ones.
 */
export function parseProtocols(lines: readonly string[]): readonly ProtocolRow[] {
  const rows: ProtocolRow[] = [];
  let code = '';
  for (const line of lines) {
    const coded = /^(\d{4})([- ])(.*)$/.exec(line);
    if (coded) code = coded[1]!;
    const text = coded ? coded[3]! : line.replace(/^ /, '');
    if (code === '1002') {
      const row = parseRow(text);
      if (row) rows.push(row);
    } else if (code === '1006') {
      const last = rows.at(-1);
      if (last) rows[rows.length - 1] = withDetail(last, text);
    }
  }
  return rows;
}

/** Whether a reply comes from BIRD 1, which carries one family per daemon: its heading is in lower case. */
export function isBird1(lines: readonly string[]): boolean {
  return lines.some((line) => line.startsWith('2002-name'));
}

function parseRow(text: string): ProtocolRow | undefined {
  const fields = text.trim().split(/\s+/);
  if (fields.length < 5) return undefined;
  const [name, proto, table, state, since, bgpState, ...reason] = fields;
  return {
    name: name!,
    proto: proto!,
    table: table!,
    state: state!,
    since: since!,
    bgpState: bgpState ?? '',
    reason: reason.join(' '),
  };
}

function withDetail(row: ProtocolRow, text: string): ProtocolRow {
  const [, field, value] = /^\s*([A-Z][A-Za-z ]*):\s+(.*?)\s*$/.exec(text) ?? [];
  switch (field) {
    case 'Neighbor address':
      return { ...row, neighbor: value!.replace(/%.*/, '') };
    case 'Neighbor AS':
      return { ...row, neighborAS: Number(value) };
    case 'Last error':
      return { ...row, lastError: value! };
    case 'Routes': {
      const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(value!)?.[1] ?? 0);
      const routes = {
        imported: count('imported'),
        exported: count('exported'),
        preferred: count('preferred'),
      };
      return { ...row, routes };
    }
    default:
      return row;
  }
}
