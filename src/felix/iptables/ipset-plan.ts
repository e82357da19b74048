/** Commands for ipset: sets are filled before rules refer to them and removed after. */
import type { IpVersion } from '../../ip/index.ts';
import type { IpsetState } from '../../linux/ipset/index.ts';
import type { RuleDelta, RuleSet } from '../render/index.ts';

const types = { ip: 'hash:ip', net: 'hash:net', 'ip-port': 'hash:ip,port' } as const;

/** Creates a set with its members. */
export function createSet(
  name: string,
  set: RuleSet,
  version: IpVersion,
  maxSize: number,
): readonly string[] {
  const family = version === 4 ? 'inet' : 'inet6';
  return [
    `create ${name} ${types[set.kind]} family ${family} maxelem ${maxSize} -exist`,
    ...[...set.members].map((member) => `add ${name} ${member} -exist`),
  ];
}

/** Commands for what changed: before the rules, and after. */
export function planSetDelta(
  delta: RuleDelta,
  version: IpVersion,
  maxSize: number,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const before: string[] = [];
  for (const [name, set] of delta.sets) before.push(...createSet(name, set, version, maxSize));
  for (const [name, { added, removed }] of delta.members) {
    for (const member of removed) before.push(`del ${name} ${member} -exist`);
    for (const member of added) before.push(`add ${name} ${member} -exist`);
  }
  return { before, after: [...delta.deletedSets].map((name) => `destroy ${name}`) };
}

/** Commands that make all sets of a version as wanted, and names of what differed. */
export function planAllSets(
  wanted: ReadonlyMap<string, RuleSet>,
  actual: ReadonlyMap<string, IpsetState>,
  version: IpVersion,
  maxSize: number,
): {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly missing: readonly string[];
  readonly different: readonly string[];
  readonly stray: readonly string[];
} {
  const before: string[] = [];
  const missing: string[] = [];
  const different: string[] = [];
  for (const [name, set] of wanted) {
    const have = actual.get(name);
    if (!have) {
      missing.push(`set ${name}`);
      before.push(...createSet(name, set, version, maxSize));
      continue;
    }
    if (have.type !== types[set.kind]) {
      // A set of another type can be changed for one only by swapping the name.
      different.push(`set ${name}`);
      const temporary = `cali${version}t0`;
      before.push(
        ...createSet(temporary, set, version, maxSize),
        `swap ${temporary} ${name}`,
        `destroy ${temporary}`,
      );
      continue;
    }
    const gone = [...have.members].filter((member) => !set.members.has(member));
    const fresh = [...set.members].filter((member) => !have.members.has(member));
    if (gone.length + fresh.length > 0) different.push(`set ${name}`);
    for (const member of gone) before.push(`del ${name} ${member} -exist`);
    for (const member of fresh) before.push(`add ${name} ${member} -exist`);
  }
  const own = [`cali${version}`, `felix-${version}`];
  const stray = [...actual.keys()].filter(
    (name) => own.some((prefix) => name.startsWith(prefix)) && !wanted.has(name),
  );
  return {
    before,
    after: stray.map((name) => `destroy ${name}`),
    missing,
    different,
    stray: stray.map((name) => `set ${name}`),
  };
}
