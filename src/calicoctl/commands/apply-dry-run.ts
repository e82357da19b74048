/** `apply --dry-run`: every check of an apply, and what it would do, without a write. */
import { applyResource, unchanged } from '../client/actions.ts';
import { resourceId } from '../client/client.ts';
import { ClientError, idText } from '../client/errors.ts';
import { type Ctl, CtlFailure } from '../command.ts';
import { execute } from '../execute.ts';
import { type Args, textArg } from '../grammar/docopt.ts';
import { formatJsonIndented } from '../output/json.ts';
import { earlyAsFailure, reportAll } from './outcome.ts';

/** What would become of a resource. */
type Outcome = 'created' | 'changed' | 'left unchanged';

/** Prints one line per resource: `created`, `changed` or `unchanged`, and fails as apply would. */
export async function applyDryRun(args: Args, ctl: Ctl): Promise<number | undefined> {
  const format = textArg(args, '--output') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new CtlFailure(`unrecognized output format '${format}'`);
  const json = format === 'json';
  const outcomes: { readonly resource: string; readonly outcome: Outcome }[] = [];
  const results = await earlyAsFailure(ctl, () =>
    execute(args, ctl, {
      writes: false,
      action: async (client, target) => {
        const { kind, namespace, name } = resourceId(target);
        const say = (what: Outcome): void => {
          const resource = idText(kind, namespace, name);
          outcomes.push({ resource, outcome: what });
          if (!json) ctl.io.stdout(`${resource} would be ${what}\n`);
        };
        const same = await unchanged(client, target);
        if (same) {
          say('left unchanged');
          return same;
        }
        const rehearsal = client.rehearsing();
        const result = await applyResource(rehearsal, target);
        let exists = true;
        try {
          await client.get(resourceId(result));
        } catch (error) {
          if (!(error instanceof ClientError) || error.class !== 'not-found') throw error;
          exists = false;
        }
        say(exists ? 'changed' : 'created');
        return result;
      },
    }),
  );
  if (json) {
    ctl.io.stdout(`${formatJsonIndented(outcomes)}\n`);
    if (results.errors.length === 0) return undefined;
  }
  return reportAll(ctl, results, { infinitive: 'apply', past: 'checked', partial: 'hit error(s)' });
}
