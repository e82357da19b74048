/** Random inventories that Ansible can read: groups of any depth, typing edge cases, variable files of every form. */

/** Files by path; `hosts.ini` or `hosts.yml` is the source. */
export interface GeneratedInventory {
  readonly source: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A small generator of random numbers with a seed. */
export class Random {
  constructor(private state: number) {}

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

const hostLineValues = [
  '1',
  '0x1F',
  '0o17',
  '010',
  '1_000',
  '1.10',
  '1e3',
  '-5',
  '00',
  'True',
  'true',
  'None',
  'none',
  'text',
  '10.0.0.1',
  '"65012"',
  `"'65012'"`,
  `"[1, 2, 'x']"`,
  `"{'a': {'b': 1}, 'c': 2}"`,
  '"a b"',
  "'q # r'",
  '""',
  'a\\ b',
  'a=b',
  '"it\'s"',
  '1.0.0.1',
  'b#cut',
  '"#kept"',
  `"(1, 2)"`,
  `"[1,"`,
  'é',
  '"\\"x\\""',
];
const groupValues = [
  '1',
  '0x1F',
  '010',
  '"1.0.0.1"',
  "'x'",
  'True',
  'yes',
  '1.10',
  '[1, 2] # tail',
  '{"a": {"x": 1}}',
  "{'a': {'y': 2}, 'b': [1]}",
  'abc # tail',
  '',
  'a = b',
  "'a' 'b'",
  'None',
  '23 # tail',
  '[{"as": 65001}]',
  '"unclosed',
  '1L',
  '--1',
];
const yamlValues = [
  '1',
  '0644',
  '0o17',
  '08',
  '65:12',
  '1.10',
  '1e3',
  '1.0e+3',
  'yes',
  '"yes"',
  'off',
  'y',
  '~',
  '""',
  'text',
  '10.0.0.1',
  '2020-09-01',
  '12:34:56:78:90:12',
  '[1, two, "3"]',
  '{a: {x: 1}, b: 2}',
  '{a: {y: [1]}}',
  '"{{ other }}"',
  '>-\n  folded\n  text',
  '!unsafe "{{ x }}"',
  '190:20:30',
  '0x1F',
  '1_000',
  'null',
  '+5',
  '.5',
  "'it''s'",
];
const variableNames = ['va', 'vb', 'vc', 'vd', 've', 'vf', 'map', 'peers'];

/** One inventory for a seed. */
export function generateInventory(seed: number): GeneratedInventory {
  const random = new Random(seed);
  const files: Record<string, string> = {};
  const groups = Array.from(
    { length: 2 + random.below(7) },
    (_, at) => random.pick(['g', 'rack-', 'site.', 'Z', 'k8s_']) + at,
  );
  const hosts = Array.from(
    { length: 1 + random.below(6) },
    (_, at) => random.pick(['h', 'node-', 'w0', 'db.x']) + at,
  );
  // A child always comes later in the list, so there is no circle.
  const children = new Map<string, string[]>();
  groups.forEach((group, at) => {
    const later = groups.slice(at + 1).filter(() => random.chance(0.3));
    if (later.length > 0) children.set(group, later);
  });
  const variables = (values: readonly string[], most: number) =>
    Array.from(
      { length: random.below(most + 1) },
      () => [random.pick(variableNames), random.pick(values)] as const,
    );
  const yaml = random.chance(0.4);
  const source = yaml ? 'hosts.yml' : 'hosts.ini';
  files[source] = yaml
    ? yamlSource(random, groups, hosts, children, variables)
    : iniSource(random, groups, hosts, children, variables);
  const document = () => {
    const entries = new Map(variables(yamlValues, 4));
    const body = [...entries].map(([name, value]) => `${name}: ${value}`).join('\n');
    return entries.size === 0 ? random.pick(['', '---\n', '{}\n']) : `---\n${body}\n`;
  };
  const place = (folder: string, name: string) => {
    const form = random.below(6);
    if (form === 0) files[`${folder}/${name}`] = document();
    else if (form === 1) files[`${folder}/${name}.yml`] = document();
    else if (form === 2) files[`${folder}/${name}.yaml`] = document();
    else if (form === 3)
      files[`${folder}/${name}.json`] = JSON.stringify({ va: 1.5, vb: [1], map: { j: random.below(9) } });
    else {
      files[`${folder}/${name}/b.yml`] = document();
      files[`${folder}/${name}/a.yaml`] = document();
      if (random.chance(0.3)) files[`${folder}/${name}/sub/c`] = document();
      if (random.chance(0.3)) files[`${folder}/${name}/skipped.txt`] = 'not: read\n';
      if (random.chance(0.3)) files[`${folder}/${name}.yml`] = 'hidden: true\n';
    }
  };
  for (const group of ['all', 'ungrouped', ...groups]) if (random.chance(0.4)) place('group_vars', group);
  for (const host of hosts) if (random.chance(0.4)) place('host_vars', host);
  if (random.chance(0.3)) files['ansible.cfg'] = '[defaults]\nhash_behaviour = merge\n';
  return { source, files };
}

type Variables = (values: readonly string[], most: number) => (readonly [string, string])[];

function iniSource(
  random: Random,
  groups: readonly string[],
  hosts: readonly string[],
  children: ReadonlyMap<string, readonly string[]>,
  variables: Variables,
): string {
  const lines: string[] = [];
  const hostLine = (host: string) =>
    [
      host + (random.chance(0.1) ? ':2222' : ''),
      ...variables(hostLineValues, 3).map(([name, value]) => `${name}=${value}`),
    ].join(' ') + (random.chance(0.1) ? '  # comment' : '');
  if (random.chance(0.5)) lines.push(hostLine(hosts[0]!));
  if (random.chance(0.5)) lines.push('[all]', ...hosts.map(hostLine));
  if (random.chance(0.3)) lines.push('[ranges]', 'r[1:3] va=range', 'p[08:11]', 'l[a:c]-x');
  const sections: string[][] = [];
  for (const group of groups) {
    sections.push([
      `[${group}]`,
      ...hosts.filter(() => random.chance(0.4)).map((host) => (random.chance(0.2) ? hostLine(host) : host)),
    ]);
    const below = children.get(group);
    if (below) sections.push([`[${group}:children]`, ...below]);
    const own = variables(groupValues, 4);
    if (random.chance(0.25)) own.push(['ansible_group_priority', String(random.below(12))]);
    if (own.length > 0)
      sections.push([
        `[${group}:vars]`,
        ...own.map(([name, value]) => `${name}${random.pick(['=', ' = '])}${value}`),
      ]);
  }
  while (sections.length > 0)
    lines.push(
      ...sections.splice(random.below(sections.length), 1)[0]!,
      random.pick(['', '; note', '# note']),
    );
  return `${lines.join('\n')}\n`;
}

function yamlSource(
  random: Random,
  groups: readonly string[],
  hosts: readonly string[],
  children: ReadonlyMap<string, readonly string[]>,
  variables: Variables,
): string {
  const simple = yamlValues.filter((value) => !value.includes('\n'));
  const mapping = (most: number) =>
    `{${[...new Map(variables(simple, most))].map(([name, value]) => `${name}: ${value}`).join(', ')}}`;
  const lines = [
    'all:',
    '  hosts:',
    ...hosts.map((host) => `    ${host}: ${random.chance(0.3) ? '' : mapping(3)}`),
    '  children:',
  ];
  for (const group of groups) {
    lines.push(`    ${group}:`);
    const members = hosts.filter(() => random.chance(0.4));
    if (members.length > 0) lines.push('      hosts:', ...members.map((host) => `        ${host}:`));
    const below = children.get(group);
    if (below) lines.push('      children:', ...below.map((child) => `        ${child}:`));
    if (random.chance(0.5)) lines.push(`      vars: ${mapping(3)}`);
  }
  return `${lines.join('\n')}\n`;
}
