/** `diff`: what `apply` would change, as a unified diff. Exit 0: nothing, 1: something, 2: it could not be told. */
import { messageOf } from '../../errors.ts';
import type { Resource } from '../../resources/index.ts';
import { applyResource } from '../client/actions.ts';
import { type ResourceClient, resourceId } from '../client/client.ts';
import { ClientError, idText } from '../client/errors.ts';
import { contentOf, sameContent } from '../client/same-content.ts';
import { wireForm } from '../client/wire.ts';
import { type Command, type Ctl, CtlFailure, CtlHardExit } from '../command.ts';
import { execute } from '../execute.ts';
import { textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { formatJsonIndented } from '../output/json.ts';
import { unifiedDiff } from '../output/unified-diff.ts';
import { formatYaml } from '../output/yaml.ts';
import { earlyAsFailure } from './outcome.ts';

const output = { spec: '-o --output=<OUTPUT>', text: 'Format: text or json. [default: text]' };

/** What would become of one resource. */
interface Difference {
  readonly resource: string;
  readonly change: 'none' | 'create' | 'change';
  readonly before: unknown;
  readonly after: unknown;
}

/** See the module's comment. */
export const diff: Command = {
  name: 'diff',
  summary: 'Show what apply would change.',
  help({ binary, release }) {
    const { filename, recursive, skipEmpty, config, namespace, context, mismatch } = sharedOptions;
    const optional = [recursive, skipEmpty, output, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`diff --filename=<FILENAME> ${usageOf(release, optional)}`],
      examples: ['# See what would change before applying it.', '$ diff -f ./policy.yaml && echo nothing'],
      options: [filename, ...optional],
      description: `Compares resources from a file, a directory or standard input with those in the
datastore, defaults filled in on both sides. Nothing is written. Ends with 0 when nothing
would change, 1 when something would, 2 when it could not be told.`,
    });
  },
  async run(args, ctl) {
    const format = textArg(args, '--output') ?? 'text';
    if (format !== 'text' && format !== 'json') return fail(ctl, `unrecognized output format '${format}'`);
    try {
      const { done, errors } = await earlyAsFailure(ctl, () =>
        execute(args, ctl, { writes: false, action: (client, target) => compare(client, target, ctl) }),
      );
      const [error] = errors;
      if (error) return fail(ctl, error.message);
      if (format === 'json')
        ctl.io.stdout(`${formatJsonIndented(done.filter((one) => one.change !== 'none'))}\n`);
      else for (const one of done) ctl.io.stdout(textOf(one));
      return done.some((one) => one.change !== 'none') ? 1 : 0;
    } catch (error) {
      if (error instanceof CtlFailure || error instanceof CtlHardExit) return fail(ctl, messageOf(error));
      throw error;
    }
  },
};

function fail(ctl: Ctl, message: string): number {
  ctl.io.stderr(`${message}\n`);
  return 2;
}

async function compare(client: ResourceClient, target: Resource, ctl: Ctl): Promise<Difference> {
  const after = await applyResource(client.rehearsing(), target);
  const { kind, namespace, name } = resourceId(after);
  const resource = idText(kind, namespace, name);
  const shown = (one: Resource): unknown => contentOf(wireForm(one, ctl.release) as unknown as Resource);
  let before: Resource | undefined;
  try {
    before = await client.get(resourceId(after));
  } catch (error) {
    if (!(error instanceof ClientError && error.class === 'not-found')) throw error;
  }
  if (!before) return { resource, change: 'create', before: null, after: shown(after) };
  const change = sameContent(before, after) ? 'none' : 'change';
  return { resource, change, before: shown(before), after: shown(after) };
}

function textOf({ resource, change, before, after }: Difference): string {
  if (change === 'none') return '';
  const text = (value: unknown): string => (value === null ? '' : formatYaml(value));
  return unifiedDiff(text(before), text(after), {
    before: change === 'create' ? '/dev/null' : `stored ${resource}`,
    after: `given ${resource}`,
  });
}
