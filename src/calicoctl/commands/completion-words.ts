/** What could come next on a command line. */
import { kindNames, kindOfAlias, kinds } from '../../resources/index.ts';
import { isNamespaced } from '../client/client.ts';
import type { Ctl } from '../command.ts';
import { commandList, findCommand } from '../commands.ts';
import { inRelease } from '../grammar/help.ts';
import { openClient } from '../session.ts';

const withKind = ['get', 'delete', 'patch', 'label', 'explain'];
const formats = ['yaml', 'json', 'ps', 'wide', 'custom-columns=', 'go-template=', 'go-template-file='];

/** Candidates for the last of the words (which may be empty), already cut to those that fit. */
export async function candidates(words: readonly string[], ctl: Ctl): Promise<readonly string[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const found = await unfiltered(before, last, ctl);
  return found.filter((word) => word.startsWith(last));
}

async function unfiltered(before: readonly string[], last: string, ctl: Ctl): Promise<readonly string[]> {
  const [command, ...rest] = before.filter((word, at) => !word.startsWith('-') && !isValue(before, at));
  const previous = before.at(-1) ?? '';
  if (command === undefined) {
    return commandList.filter((entry) => inRelease(ctl.release, entry)).map((entry) => entry.name);
  }
  if (previous === '-o' || previous === '--output') return formats;
  if (previous === '-n' || previous === '--namespace') return await namespaces(rest[0], ctl);
  if (last.startsWith('-')) return await optionsOf(command, ctl);
  if (command === 'completion') return ['bash', 'zsh', 'fish'];
  const [first] = rest;
  if (!withKind.includes(command)) return await subCommands(command, rest, ctl);
  if (first === undefined) return kindWords(ctl);
  return command === 'explain' ? [] : await names(first, namespaceOf(before), ctl);
}

/** Whether a word is the value of the option before it. */
function isValue(words: readonly string[], at: number): boolean {
  return /^(-[onfclpt]|--(output|namespace|filename|config|patch|type|log-level))$/.test(words[at - 1] ?? '');
}

function namespaceOf(words: readonly string[]): string {
  const at = words.findIndex((word) => word === '-n' || word === '--namespace');
  return (at >= 0 ? words[at + 1] : undefined) ?? 'default';
}

function kindWords(ctl: Ctl): readonly string[] {
  return kindNames
    .filter((kind) => kinds[kind].served && inRelease(ctl.release, kinds[kind]))
    .map((kind) => kind.toLowerCase());
}

async function optionsOf(command: string, ctl: Ctl): Promise<readonly string[]> {
  const help = (await findCommand(command, ctl.release))?.help(ctl) ?? '';
  return [...help.matchAll(/^ {2,}(?:-\w )?(--[\w-]+)(=?)/gm)].map(([, name, value]) => `${name}${value}`);
}

async function subCommands(command: string, rest: readonly string[], ctl: Ctl): Promise<readonly string[]> {
  if (rest.length > 1 || (rest.length === 1 && command !== 'datastore')) return [];
  const help = (await findCommand(command, ctl.release))?.help(ctl) ?? '';
  if (command === 'datastore' && rest[0] === 'migrate') return ['export', 'import', 'lock', 'unlock'];
  return [...help.matchAll(/^ {4}([a-z]+) {2,}/gm)].map(([, name]) => name ?? '');
}

async function names(word: string, namespace: string, ctl: Ctl): Promise<readonly string[]> {
  const kind = kindOfAlias(word);
  if (!kind) return [];
  return await fromDatastore(ctl, async (client) => {
    const { items } = await client.list(kind, isNamespaced(kind) ? { namespace } : {});
    return items.map((item) => item.metadata.name);
  });
}

async function namespaces(word: string | undefined, ctl: Ctl): Promise<readonly string[]> {
  const kind = word === undefined ? undefined : kindOfAlias(word);
  if (!kind || !isNamespaced(kind)) return [];
  return await fromDatastore(ctl, async (client) => {
    const { items } = await client.list(kind);
    return [...new Set(items.map((item) => item.metadata.namespace ?? ''))];
  });
}

/** A datastore that cannot be reached completes nothing and says nothing. */
async function fromDatastore(
  ctl: Ctl,
  action: (client: Awaited<ReturnType<typeof openClient>>) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    const client = await openClient({}, ctl);
    try {
      return await action(client);
    } finally {
      client.store.close();
    }
  } catch {
    return [];
  }
}
