/** IP sets of the xtables world, by the program ipset. */
import { runProgram } from '../program/index.ts';

/** A set as `ipset save` shows it. */
export interface IpsetState {
  /** `hash:net`, `hash:ip,port`, … */
  readonly type: string;
  /** The rest of its create line: `family inet maxelem 1048576 …`. */
  readonly options: string;
  readonly members: ReadonlySet<string>;
}

const options = { debianPackage: 'ipset' };

/** Applies restore commands (`create`, `add`, `del`, `swap`, `flush`, `destroy`, one a line) in order. */
export async function restoreIpsets(commands: readonly string[]): Promise<void> {
  if (commands.length > 0)
    await runProgram('ipset', ['restore'], { ...options, input: `${commands.join('\n')}\n` });
}

/** All sets, or one. */
export async function readIpsets(name?: string): Promise<ReadonlyMap<string, IpsetState>> {
  return parseIpsets(await runProgram('ipset', name === undefined ? ['save'] : ['save', name], options));
}

/** Reads the text of `ipset save`. */
export function parseIpsets(text: string): ReadonlyMap<string, IpsetState> {
  const sets = new Map<string, { type: string; options: string; members: Set<string> }>();
  for (const line of text.split('\n')) {
    const [verb, name, first, ...rest] = line.split(' ');
    if (name === undefined || first === undefined) continue;
    if (verb === 'create') sets.set(name, { type: first, options: rest.join(' '), members: new Set() });
    else if (verb === 'add') sets.get(name)?.members.add(first);
  }
  return sets;
}
