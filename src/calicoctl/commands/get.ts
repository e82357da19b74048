/** `get`: shows resources in one of several formats. */
import type { Resource } from '../../resources/index.ts';
import { isNamespaced, type ResourceClient, resourceId } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import { type Command, type Ctl, CtlFailure, failure } from '../command.ts';
import { EarlyError, execute, type ListObject } from '../execute.ts';
import { type Args, flagArg, listArg, textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { type Format, formatObjects, parseFormat } from '../output/format.ts';

const output = {
  spec: '-o --output=<OUTPUT>',
  text: 'Format: yaml, json, ps, wide, custom-columns=..., go-template=... or go-template-file=... [default: ps]',
};
const watch = { spec: '--watch', text: 'Go on and show each change as it happens, until interrupted.' };
const exporting = {
  spec: '--export',
  text: 'Leave out what belongs to this cluster (uid, resourceVersion, creationTimestamp, namespace). Only with names.',
};

/** What `get` shows: an object or a list. */
export type Shown = Resource | ListObject;

/** See the module's comment. */
export const get: Command = {
  name: 'get',
  summary: 'Show resources.',
  // `-a` was dropped from the help in 3.18 but stays accepted, as a word of its own.
  rewrite: (argv, { release }) =>
    release.minor >= 18 ? argv.map((word) => (word === '-a' ? '-A' : word)) : argv,
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const all = {
      spec: release.minor >= 18 ? '-A --all-namespaces' : '-a --all-namespaces',
      text: 'Of kinds with a namespace, show those of all namespaces.',
    };
    const optional = [output, config, namespace, all, exporting, watch, context, mismatch];
    const input = usageOf(release, [recursive, skipEmpty]);
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`get ( (<KIND> [<NAME>...]) | --filename=<FILENAME> ${input} ) ${usageOf(release, optional)}`],
      examples: [
        '# All pools in a table with more columns.',
        '$ get ippool -o wide',
        '# One policy in YAML, ready to be applied elsewhere.',
        '$ get globalnetworkpolicy allow-dns -o yaml --export',
      ],
      options: [filename, recursive, skipEmpty, ...optional],
      description: `Shows the resources that a file describes, or those of one kind: all of them, or the
named ones. The name of the kind may be in any case, singular, plural or short.
What is shown as YAML or JSON can be given to create, apply, replace and delete.`,
    });
  },
  async run(args, ctl) {
    const format = parseFormat(textArg(args, '--output') ?? 'ps');
    if (format.kind === 'error') throw new CtlFailure(format.message);
    const { client, done, errors } = await results(args, ctl);
    try {
      await print(done, format, args, client, ctl);
      if (errors.length > 0) throw new CtlFailure(errors.map((error) => error.message).join('\n'));
      if (flagArg(args, '--watch'))
        await (await import('./get-watch.ts')).watchChanges(done, format, args, client, ctl);
    } finally {
      client.store.close();
    }
    return undefined;
  },
};

async function results(args: Args, ctl: Ctl) {
  try {
    return await execute<Shown>(args, ctl, {
      writes: false,
      action: async (client, target) => {
        const shown = await getOrList(client, target);
        const named = listArg(args, '<NAME>').length > 0;
        return flagArg(args, '--export') && named ? exported(shown, ctl) : shown;
      },
    });
  } catch (error) {
    if (!(error instanceof EarlyError)) throw error;
    if (
      ctl.release.minor > 15 &&
      error.message === 'no resources specified' &&
      flagArg(args, '--skip-empty')
    ) {
      return {
        client: { store: { close: () => undefined } } as unknown as ResourceClient,
        done: [],
        errors: [],
      };
    }
    throw failure(ctl, `failed to get resources: ${error.message}`);
  }
}

/** The object of a name, or the list where none is given. */
export async function getOrList(client: ResourceClient, target: Resource): Promise<Shown> {
  const { name, namespace, resourceVersion } = target.metadata;
  if (name) {
    if (isNamespaced(target.kind) && !namespace) {
      throw new ClientError('other', 'cannot use --all-namespace flag for getting a single resource');
    }
    return await client.get(resourceId(target), resourceVersion);
  }
  const { items, revision } = await client.list(target.kind, { namespace });
  return {
    kind: `${target.kind}List`,
    apiVersion: target.apiVersion,
    metadata: { resourceVersion: revision },
    items,
  };
}

function exported(shown: Shown, ctl: Ctl): Shown {
  if ('items' in shown) return shown;
  const {
    namespace: _ns,
    uid: _uid,
    resourceVersion: _rv,
    creationTimestamp: _time,
    ...metadata
  } = (shown as Resource).metadata;
  return {
    ...(shown as Resource),
    metadata: { ...metadata, ...(ctl.release.minor <= 15 ? { creationTimestamp: null } : {}) },
  };
}

async function print(
  shown: readonly Shown[],
  format: Exclude<Format, { kind: 'error' }>,
  args: Args,
  client: ResourceClient,
  ctl: Ctl,
): Promise<void> {
  switch (format.kind) {
    case 'yaml':
    case 'json': {
      const { wireForm } = await import('../client/wire.ts');
      const values = shown.map((one) => wireForm(one, ctl.release));
      ctl.io.stdout(formatObjects(format.kind, values, ctl.release.minor <= 15));
      return;
    }
    case 'table':
    case 'columns': {
      const { formatTables } = await import('../output/tables.ts');
      const withNamespace = flagArg(args, '--all-namespaces') || Boolean(textArg(args, '--namespace'));
      ctl.io.stdout(await formatTables(shown, format, withNamespace, client));
      return;
    }
    case 'template':
    case 'template-file': {
      const { printTemplate } = await import('../output/print-template.ts');
      await printTemplate(shown, format, client, ctl);
      return;
    }
  }
}
