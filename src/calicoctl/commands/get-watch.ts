/** `get --watch`: after the list, each change as it happens. */
import type { Resource } from '../../resources/index.ts';
import type { ResourceClient } from '../client/client.ts';
import { wireForm } from '../client/wire.ts';
import { type Ctl, CtlFailure } from '../command.ts';
import { type Args, textArg } from '../grammar/docopt.ts';
import { cellsOf, headingsOf } from '../output/columns.ts';
import { type Format, formatObjects } from '../output/format.ts';
import { clusterAsNumber } from '../output/tables.ts';
import type { Shown } from './get.ts';

/** Shows changes of the one kind that was listed until the run is interrupted. */
export async function watchChanges(
  shown: readonly Shown[],
  format: Exclude<Format, { kind: 'error' }>,
  args: Args,
  client: ResourceClient,
  ctl: Ctl,
): Promise<void> {
  const [first] = shown;
  if (!first || !('items' in first)) {
    throw new CtlFailure('--watch follows a whole kind: leave out the names and --filename');
  }
  const kind = first.kind.slice(0, -'List'.length);
  const asNumber = kind === 'Node' ? await clusterAsNumber(client) : '';
  const headings =
    format.kind === 'columns'
      ? format.headings
      : headingsOf(kind, format.kind === 'table' ? format.table : 'ps', ctl.release);
  const show = (change: string, resource: Resource): void => {
    if (format.kind === 'yaml' || format.kind === 'json') {
      const text = formatObjects(format.kind, [{ change, object: wireForm(resource, ctl.release) }], true);
      ctl.io.stdout(format.kind === 'yaml' ? `---\n${text}` : text);
    } else {
      const cells = cellsOf(resource, headings, { asNumber }, ctl.release);
      ctl.io.stdout(`${change.padEnd(11)}${cells.join('   ')}\n`);
    }
  };
  const namespace =
    textArg(args, '--all-namespaces') === undefined ? textArg(args, '--namespace') : undefined;
  let revision = (first as { readonly metadata: { readonly resourceVersion: string } }).metadata
    .resourceVersion;
  const signal = ctl.io.signal ? { signal: ctl.io.signal } : {};
  for (;;) {
    const query = { type: 'resource', kind, ...(namespace ? { namespace } : {}) } as const;
    for await (const event of client.store.watch(query, revision, signal)) {
      if (event.type === 'put') {
        revision = event.kv.revision;
        show(event.previous ? 'MODIFIED' : 'ADDED', client.shown(event.kv.value as Resource));
      } else if (event.type === 'delete') {
        revision = event.revision;
        if (event.previous) show('DELETED', client.shown(event.previous.value as Resource));
      } else if (event.type === 'closed') {
        if (event.reason === 'cancelled' || ctl.io.signal?.aborted) return;
        ctl.io.stderr(`the watch was interrupted (${event.message}); it goes on\n`);
        if (event.reason === 'compacted') ({ revision } = await client.list(kind, { namespace }));
      }
    }
    if (ctl.io.signal?.aborted) return;
    await ctl.io.sleep(1000);
  }
}
