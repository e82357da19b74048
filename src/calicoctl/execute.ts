/** Runs a verb over the resources that a file or a kind with names gives (commands/common/resources.go). */
import { messageOf } from '../errors.ts';
import { kindOfAlias, kinds, type Resource } from '../resources/index.ts';
import { isNamespaced, type ResourceClient } from './client/client.ts';
import { ClientError } from './client/errors.ts';
import { initialiseCluster } from './client/initialise.ts';
import { type Ctl, CtlFailure, CtlHardExit, failure } from './command.ts';
import { ConfigError } from './config.ts';
import { type Args, flagArg, listArg, textArg } from './grammar/docopt.ts';
import { inRelease } from './grammar/help.ts';
import { EmptyInput, InputError } from './input/errors.ts';
import { log } from './log.ts';
import { checkVersions, openClient } from './session.ts';

/** A resource before the namespace rules: of a list, only kind and namespace count. */
export type Target = Resource;

/** A list as `get` prints it. */
export interface ListObject {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Resource[];
}

/** What a verb gave for its targets. */
export interface Results<T> {
  readonly total: number;
  /** The one kind there is, if there is one. */
  readonly singleKind: string | undefined;
  readonly done: readonly T[];
  readonly errors: readonly Error[];
  /** Failures that came before the datastore was asked. */
  readonly namespaceErrors: number;
}

/** What a verb is for {@link execute}. */
export interface Verb<T> {
  /** The datastore is initialised first. */
  readonly writes: boolean;
  /** A failing resource ends the run. */
  readonly stopAtFirst?: boolean;
  action(client: ResourceClient, target: Target): Promise<T>;
}

/** Failure before any resource was tried; the command decides on the prefix. */
export class EarlyError extends Error {}

/** Reads the input, opens the datastore and runs the verb on each resource in order. */
export async function execute<T>(
  args: Args,
  ctl: Ctl,
  verb: Verb<T>,
): Promise<Results<T> & { readonly client: ResourceClient }> {
  let client: ResourceClient | undefined;
  let configError: ConfigError | undefined;
  const open = async (): Promise<void> => {
    try {
      client = await openClient(args, ctl);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      configError = error;
    }
  };
  if (ctl.release.minor >= 20) {
    await open();
    if (client) await gate(client, args, ctl);
  }
  const targets = await targetsOf(args, ctl);
  if (targets.length > 0 && !client && !configError) await open();
  if (configError) throw new CtlHardExit(`Failed to create Calico API client: ${configError.message}`);
  const kindsSeen = new Set(targets.map((target) => target.kind));
  const singleKind = kindsSeen.size === 1 ? targets[0]?.kind : undefined;
  if (!client) throw new EarlyError('no resources specified');
  if (verb.writes && ctl.release.minor >= 29) await tryInitialise(client, ctl);
  const names = args['<NAME>'];
  if (names === '' || listArg(args, '<NAME>').includes(''))
    throw new EarlyError('resource name may not be empty');
  const done: T[] = [];
  const errors: Error[] = [];
  let namespaceErrors = 0;
  for (const target of targets) {
    try {
      const placed = inNamespace(target, args);
      done.push(await verb.action(client, placed));
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (error instanceof NamespaceError) namespaceErrors++;
      if (isSkipped(error, args)) done.push(target as T);
      else errors.push(error);
    }
  }
  return { client, total: targets.length, singleKind, done, errors, namespaceErrors };
}

async function gate(client: ResourceClient, args: Args, ctl: Ctl): Promise<void> {
  try {
    await checkVersions(client, args, ctl);
  } catch (error) {
    throw error instanceof CtlFailure ? new EarlyError(error.message) : error;
  }
}

async function targetsOf(args: Args, ctl: Ctl): Promise<readonly Target[]> {
  const filename = textArg(args, '--filename');
  if (filename === undefined) return namedTargets(args, ctl);
  const { readInput } = await import('./input/files.ts');
  try {
    return await readInput(
      filename,
      { recursive: flagArg(args, '--recursive'), skipEmpty: flagArg(args, '--skip-empty') },
      ctl,
    );
  } catch (error) {
    if (error instanceof EmptyInput) throw new EarlyError(error.message);
    if (error instanceof InputError) throw fileFailure(ctl, error.message);
    throw error;
  }
}

/** The line for a file that cannot be read; 3.32 prints that of an unknown field as it is. */
export function fileFailure(ctl: Ctl, message: string): CtlFailure {
  if (ctl.release.minor > 15 && message.startsWith('field in document')) return new CtlFailure(message);
  return failure(ctl, `failed to execute command: ${message}`);
}

function namedTargets(args: Args, ctl: Ctl): readonly Target[] {
  const word = textArg(args, '<KIND>') ?? '';
  const kind = kindOfAlias(word);
  if (kind === undefined || !kinds[kind].served || !inRelease(ctl.release, kinds[kind])) {
    throw new EarlyError(`resource type '${word}' is not supported`);
  }
  const given = listArg(args, '<NAME>');
  const names = given.length > 0 ? given : [undefined];
  return names.map((name) => ({
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name: name ?? '' },
    spec: {},
  }));
}

async function tryInitialise(client: ResourceClient, ctl: Ctl): Promise<void> {
  try {
    await initialiseCluster(client);
  } catch (error) {
    log(ctl.io, 'info', 'Unable to initialize datastore', { error: messageOf(error) });
  }
}

class NamespaceError extends Error {}

/** Puts a resource into its namespace, by upstream's rules in their order. */
export function inNamespace(target: Target, args: Args): Target {
  const all = flagArg(args, '--all-namespaces');
  const wanted = textArg(args, '--namespace') ?? '';
  const own = target.metadata.namespace ?? '';
  if (!isNamespaced(target.kind)) {
    if (own !== '') {
      throw new NamespaceError(
        `namespace should not be specified for a non-namespaced resource. ${target.kind} is not a namespaced resource`,
      );
    }
    if (all || wanted !== '') throw new NamespaceError(`${target.kind} is not namespaced`);
    return target;
  }
  if (all && wanted !== '') {
    throw new NamespaceError('cannot use both --namespace and --all-namespaces flags at the same time');
  }
  const put = (namespace: string): Target => ({ ...target, metadata: { ...target.metadata, namespace } });
  if (all) return put('');
  if (own === '') return put(wanted === '' ? 'default' : wanted);
  if (wanted === '' || own === wanted) return target;
  throw new NamespaceError(`resource namespace does not match client namespace. ${own} != ${wanted}`);
}

function isExpected(error: unknown): error is Error {
  return error instanceof ClientError || error instanceof NamespaceError || error instanceof CtlFailure;
}

function isSkipped(error: Error, args: Args): boolean {
  if (!(error instanceof ClientError)) return false;
  if (error.class === 'exists') return flagArg(args, '--skip-exists');
  return error.class === 'not-found' && flagArg(args, '--skip-not-exists');
}
