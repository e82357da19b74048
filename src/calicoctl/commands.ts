/** Which commands there are. Each is loaded only when it runs. */
import type { Command, Ctl } from './command.ts';
import { inRelease } from './grammar/help.ts';
import type { Release } from './release.ts';

/** A command of the top level. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly since?: number;
  readonly until?: number;
  readonly load: () => Promise<Command>;
}

/** The commands of the top level, in the order of the help. */
export const commandList: readonly Entry[] = [
  {
    name: 'create',
    summary: 'Create resources from a file, a directory or standard input.',
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    name: 'replace',
    summary: 'Replace existing resources.',
    load: async () => (await import('./commands/replace.ts')).replace,
  },
  {
    name: 'apply',
    summary: 'Create resources, or replace them where they exist.',
    load: async () => (await import('./commands/apply.ts')).apply,
  },
  {
    name: 'patch',
    summary: 'Change single fields of a resource.',
    load: async () => (await import('./commands/patch.ts')).patch,
  },
  {
    name: 'delete',
    summary: 'Delete resources by file, or by kind and name.',
    load: async () => (await import('./commands/delete.ts')).remove,
  },
  {
    name: 'get',
    summary: 'Show resources by file, or by kind and name.',
    load: async () => (await import('./commands/get.ts')).get,
  },
  {
    name: 'label',
    summary: 'Add, change or remove a label of a resource.',
    load: async () => (await import('./commands/label.ts')).label,
  },
  {
    name: 'diff',
    summary: 'Show what apply would change.',
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    name: 'explain',
    summary: 'Document a kind or one of its fields.',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'convert',
    summary: 'Convert manifests of Calico v1 to v3.',
    load: async () => (await import('./commands/convert.ts')).convert,
  },
  {
    name: 'validate',
    summary: 'Check resources without touching the datastore.',
    since: 31,
    load: async () => (await import('./commands/validate.ts')).validate,
  },
  {
    name: 'ipam',
    summary: 'IP address management.',
    load: async () => (await import('./commands/ipam.ts')).ipam,
  },
  {
    name: 'node',
    summary: 'Calico node management.',
    load: async () => (await import('./commands/node.ts')).node,
  },
  {
    name: 'version',
    summary: 'Show the versions of this program and of the cluster.',
    load: async () => (await import('./commands/version.ts')).version,
  },
  {
    name: 'datastore',
    summary: 'Datastore management.',
    load: async () => (await import('./commands/datastore.ts')).datastore,
  },
  {
    name: 'cluster',
    summary: 'Information on the whole cluster.',
    since: 31,
    load: async () => (await import('./commands/cluster.ts')).cluster,
  },
  {
    name: 'completion',
    summary: 'Print a completion script for bash, zsh or fish.',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
];

/** The command of a word in a release. */
export async function findCommand(word: string, release: Release): Promise<Command | undefined> {
  const entry = commandList.find((candidate) => candidate.name === word && inRelease(release, candidate));
  return await entry?.load();
}

/** First words of the commands that releases before v3 had. */
const legacyWords = new Set([
  'status',
  'pool',
  'endpoint',
  'profile',
  'bgp',
  'config',
  'checksystem',
  'diags',
]);

/** The command of an old release that these words name. */
export async function findLegacy(
  words: readonly string[],
): Promise<((words: readonly string[], ctl: Ctl) => Promise<number>) | undefined> {
  const [first = '', second = ''] = words;
  const isOld =
    legacyWords.has(first) ||
    (first === 'ipam' &&
      (second === 'info' || (second === 'release' && /^[\da-fA-F.:]+$/.test(words[2] ?? '')))) ||
    (first === 'node' && /^--(?!help|allow)/.test(second)) ||
    (first === 'node' && (second === 'bgp' || second === 'stop' || second === 'remove'));
  return isOld ? (await import('./legacy/index.ts')).runLegacy : undefined;
}
