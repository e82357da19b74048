/** The lines that tell how many resources a command handled. */
import { type Ctl, CtlFailure, failure } from '../command.ts';
import { EarlyError, type Results } from '../execute.ts';

/** `N 'Kind' resource(s)`, or without a kind when they differ. */
export function countText(count: number, kind: string | undefined): string {
  return kind === undefined ? `${count} resource(s)` : `${count} '${kind}' resource(s)`;
}

/** Errors as Go prints a slice of them. */
export function errorList(errors: readonly Error[]): string {
  return `[${errors.map((error) => error.message).join(' ')}]`;
}

/** Rethrows what happened before any resource was tried as the command's failure. */
export async function earlyAsFailure<T>(
  ctl: Ctl,
  action: () => Promise<T>,
  nothing = 'No resources specified',
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof EarlyError)) throw error;
    if (ctl.release.minor > 15) throw new CtlFailure(error.message);
    const isNothing = error.message === 'no resources specified';
    if (isNothing) throw new CtlFailure(nothing);
    throw new CtlFailure(/^resource type/.test(error.message) ? 'No resources specified' : error.message);
  }
}

/** Where nothing was given: a line on stdout, or (up to v3.15) a failure. */
export function nothingGiven(ctl: Ctl, oldText: string): undefined {
  if (ctl.release.minor <= 15) throw new CtlFailure(oldText);
  ctl.io.stdout('No resources specified\n');
  return undefined;
}

/** The end of create, apply and validate: the lines for success, partial success and failure. */
export function reportAll(
  ctl: Ctl,
  results: Results<unknown>,
  verb: { readonly infinitive: string; readonly past: string; readonly partial: string },
): undefined {
  const { singleKind, errors, done, total } = results;
  const handled = done.length;
  if (total === 0) return nothingGiven(ctl, 'No resources specified in file');
  if (handled === 0) {
    const what =
      total === 1
        ? `'${singleKind}' resource`
        : singleKind === undefined
          ? 'any resources'
          : `any '${singleKind}' resources`;
    throw failure(ctl, `failed to ${verb.infinitive} ${what}: ${errorList(errors)}`);
  }
  if (errors.length === 0) {
    ctl.io.stdout(`Successfully ${verb.past} ${countText(handled, singleKind)}\n`);
    return undefined;
  }
  if (handled > errors.length) ctl.io.stdout(partialText(verb.past, handled, total, singleKind));
  throw failure(ctl, `${verb.partial}: ${errorList(errors)}`);
}

/** The line of a partial success. */
export function partialText(past: string, handled: number, total: number, kind: string | undefined): string {
  const what = kind === undefined ? 'resources' : `'${kind}' resources`;
  return `Partial success: ${past} the first ${handled} out of ${total} ${what}:\n`;
}
