/** `patch`: changes single fields of one resource. */
import type { Resource } from '../../resources/index.ts';
import { type ResourceClient, resourceId } from '../client/client.ts';
import { ClientError, notSupported } from '../client/errors.ts';
import { mergePatch } from '../client/merge-patch.ts';
import { wireForm } from '../client/wire.ts';
import { type Command, type Ctl, CtlFailure, failure } from '../command.ts';
import { execute } from '../execute.ts';
import { textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { resourcesOfValue } from '../input/documents.ts';
import { InputError } from '../input/errors.ts';
import { earlyAsFailure } from './outcome.ts';

const patchOption = { spec: '-p --patch=<PATCH>', text: 'The change, as JSON.' };
const type = {
  spec: '-t --type=<TYPE>',
  text: 'Accepted for the sake of scripts: strategic, json or merge. A patch is always merged. [default: strategic]',
};

/** See the module's comment. */
export const patch: Command = {
  name: 'patch',
  summary: 'Change fields.',
  help({ binary, release }) {
    const { config, namespace, context, mismatch } = sharedOptions;
    const optional = [type, config, namespace, context, mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`patch <KIND> <NAME> --patch=<PATCH> ${usageOf(release, optional)}`],
      examples: [
        '# Switch a pool from IP-in-IP to VXLAN.',
        `$ patch ippool default-pool -p '{"spec":{"ipipMode":"Never","vxlanMode":"Always"}}'`,
      ],
      options: [patchOption, ...optional],
      description: `Changes single fields of a resource: objects are merged, null removes a member, lists
and values are replaced.`,
    });
  },
  async run(args, ctl) {
    const text = textArg(args, '--patch') ?? '';
    const { singleKind, errors } = await earlyAsFailure(ctl, () =>
      execute(args, ctl, {
        writes: false,
        action: (client, target) => patchResource(client, target, text, ctl),
      }),
    );
    const [error] = errors;
    if (error) {
      const alone = ctl.release.minor > 15 && error.message.startsWith('field in document');
      throw alone ? new CtlFailure(error.message) : failure(ctl, `hit error: ${error.message}`);
    }
    ctl.io.stdout(`Successfully patched 1 '${singleKind}' resource\n`);
    return undefined;
  },
};

async function patchResource(
  client: ResourceClient,
  target: Resource,
  text: string,
  ctl: Ctl,
): Promise<Resource> {
  const current = await client.get(resourceId(target));
  const merging = `${ctl.release.minor <= 15 ? 'permorming' : 'performing'} strategic merge patch`;
  let change: unknown;
  try {
    change = JSON.parse(text);
  } catch {
    throw new CtlFailure(`${merging}: invalid JSON document`);
  }
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw new CtlFailure(`${merging}: invalid JSON document`);
  }
  const merged = mergePatch(wireForm(current, ctl.release), change as Readonly<Record<string, unknown>>);
  let patched: Resource | undefined;
  try {
    [patched] = resourcesOfValue(merged, ctl.release);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new CtlFailure(patchInputText(error.message, ctl));
  }
  if (!patched) throw new CtlFailure('invalid number of patched resources: 0');
  try {
    if (patched.kind === 'ClusterInformation') throw notSupported('apply or replace', 'ClusterInformation');
    return await client.update(patched);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new ClientError(error.class, `updating existing resource: ${error.message}`);
  }
}

/** The whole line of a patch that makes an unknown field is replaced, as for files. */
function patchInputText(message: string, ctl: Ctl): string {
  const unknown = ctl.release.minor > 15 && message.startsWith('field in document');
  return unknown ? message : `creating resource from patched data: ${message}`;
}
