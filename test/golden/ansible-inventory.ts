/** Recordings of the real `ansible-inventory --list`: every variable of every host, and who is in which group. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import { diskFiles, type FileTree, loadInventory, toJson } from '../../src/kubespray/index.ts';
import type { Case, Corpus, Outcome } from './corpus.ts';

interface Listing {
  readonly rc: number;
  readonly hostvars: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null;
  readonly groups: Readonly<
    Record<string, { readonly hosts?: readonly string[]; readonly children?: readonly string[] }>
  > | null;
  readonly messages?: readonly string[] | null;
}

interface Oracle {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly results: Readonly<Record<string, Listing>>;
}

const refused = 'Inventories: what Ansible skips is refused';
const accepted = 'Inventories: the output of ansible-inventory is accepted';
const versions = 'Inventories: where Ansible versions differ';

/** The files below one directory, by the relative paths of the command line. */
function below(root: string): FileTree {
  const path = (one: string) => (one.startsWith('/') ? one : join(root, one));
  return {
    kind: (one) => diskFiles.kind(path(one)),
    read: (one) => diskFiles.read(path(one)),
    list: (one) => diskFiles.list(path(one)),
  };
}

function run(folder: string): Outcome {
  const oracle = JSON.parse(readFileSync(join(folder, 'oracle.json'), 'utf8')) as Oracle;
  const sources = oracle.args.flatMap((word, at) => (oracle.args[at - 1] === '-i' ? [word] : []));
  const expected = Object.values(oracle.results);
  // Lost sources show as a failure, or as the warning that nothing (or not everything) could be parsed.
  const lost = expected.some(
    (one) =>
      one.rc !== 0 || one.messages?.some((text) => /Unable to parse|No inventory was parsed/.test(text)),
  );
  let ours: Listing;
  try {
    ours = listing(folder, sources, oracle.env ?? {});
  } catch (error) {
    const diff = `ours: ${messageOf(error)}`;
    if (!lost) return { result: 'differ', diff };
    return expected.every((one) => one.rc !== 0)
      ? { result: 'agree' }
      : { result: 'accepted', reason: refused, diff };
  }
  if (lost && sources.some((one) => one.endsWith('.json')))
    return { result: 'accepted', reason: accepted, diff: `Ansible loses ${sources.join(' ')}` };
  const diffs = Object.entries(oracle.results).map(
    ([version, one]) => [version, differences(one, ours)] as const,
  );
  const agreeing = diffs.filter(([, lines]) => lines.length === 0);
  if (agreeing.length === diffs.length) return { result: 'agree' };
  const diff = diffs
    .filter(([, lines]) => lines.length > 0)
    .map(([version, lines]) => `${version}\n${lines.join('\n')}`)
    .join('\n');
  return agreeing.length > 0 ? { result: 'accepted', reason: versions, diff } : { result: 'differ', diff };
}

function listing(folder: string, sources: readonly string[], env: Readonly<Record<string, string>>): Listing {
  const loaded = loadInventory(sources, { files: below(join(folder, 'inventory')), env, playDirectory: '.' });
  const hostvars: Record<string, Record<string, unknown>> = {};
  for (const host of loaded.inventory.hosts.values()) {
    const variables = [...loaded.variables(host)].map(([name, { value }]) => [name, toJson(value)] as const);
    if (variables.length > 0) hostvars[host.name] = Object.fromEntries(variables);
  }
  const groups: Record<string, { hosts?: string[]; children?: string[] }> = {};
  for (const group of loaded.inventory.groups.values()) {
    const hosts = group.name === 'all' ? [] : group.hosts.map((host) => host.name);
    const children = group.children.map((child) => child.name);
    if (hosts.length + children.length === 0) continue;
    groups[group.name] = { ...(hosts.length > 0 && { hosts }), ...(children.length > 0 && { children }) };
  }
  return { rc: 0, hostvars, groups };
}

function differences(expected: Listing, actual: Listing): string[] {
  const lines: string[] = [];
  if (expected.rc !== 0) return [`Ansible ends with ${expected.rc}: ${expected.messages?.join(' ')}`];
  const hosts = new Set([...Object.keys(expected.hostvars ?? {}), ...Object.keys(actual.hostvars ?? {})]);
  for (const host of hosts) {
    const [left, right] = [expected.hostvars?.[host] ?? {}, actual.hostvars?.[host] ?? {}];
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const [a, b] = [sorted(left[name]), sorted(right[name])];
      if (a !== b) lines.push(`${host}.${name}\n  recorded ${a}\n  ours     ${b}`);
    }
  }
  const groups = new Set([...Object.keys(expected.groups ?? {}), ...Object.keys(actual.groups ?? {})]);
  for (const group of groups) {
    for (const part of ['hosts', 'children'] as const) {
      const a = [...(expected.groups?.[group]?.[part] ?? [])].sort().join(' ');
      const b = [...(actual.groups?.[group]?.[part] ?? [])].sort().join(' ');
      if (a !== b) lines.push(`${part} of ${group}\n  recorded ${a}\n  ours     ${b}`);
    }
  }
  return lines;
}

function sorted(value: unknown): string | undefined {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

/** data/golden/ansible-inventory. */
export const ansibleInventory: Corpus = {
  name: 'ansible-inventory',
  cases: (folder): Case[] =>
    readdirSync(folder)
      .filter((name) => existsSync(join(folder, name, 'oracle.json')))
      .map((name) => ({ name, run: () => run(join(folder, name)) })),
};
