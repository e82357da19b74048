/** What the commands of old releases share. */
import type { ResourceClient } from '../client/client.ts';
import { type Ctl, CtlHardExit } from '../command.ts';
import type { Args } from '../grammar/docopt.ts';
import { openClient } from '../session.ts';

/** One form of an old command. */
export interface LegacyCommand {
  /** Its usage, without the program's name. */
  readonly usage: string;
  /** The command of today that does the same; printed on stderr. */
  readonly today: string;
  run(args: Args, ctl: Ctl): Promise<number | undefined>;
}

/** Ends an old command with a line on stdout and exit 1, as those releases did. */
export function legacyFailure(message: string): CtlHardExit {
  return new CtlHardExit(message);
}

/** Runs with a client on the datastore of the environment. */
export async function withStore<T>(ctl: Ctl, action: (client: ResourceClient) => Promise<T>): Promise<T> {
  const { ETCD_AUTHORITY: authority, ETCD_ENDPOINTS: endpoints, ETCD_SCHEME: scheme = 'http' } = ctl.io.env;
  const io =
    endpoints || !authority
      ? ctl.io
      : { ...ctl.io, env: { ...ctl.io.env, ETCD_ENDPOINTS: `${scheme}://${authority}` } };
  const client = await openClient({}, { ...ctl, io });
  try {
    return await action(client);
  } finally {
    client.store.close();
  }
}

/** Orders rows by their first cell, then by the whole row. */
export function sortedRows(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...rows].sort((a, b) => compare(a[0]!, b[0]!) || compare(a.join('\0'), b.join('\0')));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
