/** The tables of `get`: one per result, an empty line after each. */
import type { ResourceClient } from '../client/client.ts';
import { isNamespaced } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import { CtlFailure } from '../command.ts';
import type { Shown } from '../commands/get.ts';
import { sentence } from '../release.ts';
import { headingsOf, rowMaker } from './columns.ts';
import type { Format } from './format.ts';
import { plainTable } from './tabwriter.ts';

/** The text of the results' tables. @throws CtlFailure for an unknown heading */
export async function formatTables(
  shown: readonly Shown[],
  format: Extract<Format, { kind: 'table' | 'columns' }>,
  withNamespace: boolean,
  client: ResourceClient,
): Promise<string> {
  const { release } = client;
  let asNumber: string | undefined;
  let text = '';
  for (const one of shown) {
    const isList = 'items' in one;
    const kind = isList ? one.kind.slice(0, -'List'.length) : one.kind;
    const chosen = format.kind === 'columns' ? format.headings : headingsOf(kind, format.table, release);
    const prefixed = format.kind === 'table' && withNamespace && isNamespaced(kind);
    const headings = prefixed ? ['NAMESPACE', ...chosen] : chosen;
    const known = headingsOf(kind, 'custom', release);
    const unknown = headings.find((heading) => !known.includes(heading));
    if (unknown !== undefined) {
      const message = sentence(release, 'unknown heading');
      throw new CtlFailure(`${message} ${unknown}, valid values are: ${known.join(', ')}`);
    }
    if (kind === 'Node' && headings.includes('ASN')) asNumber ??= await clusterAsNumber(client);
    const items = isList ? (one.items as readonly never[]) : [one as never];
    const rows = items.map(rowMaker(kind, headings, { asNumber: asNumber ?? '' }, release));
    text += `${plainTable([headings, ...rows])}\n`;
  }
  return text;
}

/** AS number of the cluster as the tables show it. */
export async function clusterAsNumber(client: ResourceClient): Promise<string> {
  try {
    const { spec } = await client.get({ kind: 'BGPConfiguration', name: 'default' });
    return String(spec['asNumber'] ?? '64512');
  } catch (error) {
    return error instanceof ClientError && error.class === 'not-found' ? '64512' : 'unknown';
  }
}
