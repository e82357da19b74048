/**
 * Mutated inventories never crash or hang: they give a plan, or an error that says what to do. `FUZZ=100000 bun test
 * src/kubespray/fuzz.test.ts` tries more of them.
 */
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CalicoError } from '../errors.ts';
import { memoryFiles } from './inventory/index.ts';
import { diffNetworks } from './plan/diff.ts';
import { drawSvg } from './plan/draw.ts';
import { printFindings, printPlan } from './plan/print.ts';
import { stateOfPlan } from './plan/state.ts';
import { planCluster } from './plan-cluster.ts';

const count = Number(process.env['FUZZ'] ?? 800);
const folders = ['border-two-sites', 'hash-trap', 'mesh6-vxlan', 'rr-doc', 'v231-dualstack'];

function filesBelow(folder: string, prefix = ''): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) Object.assign(result, filesBelow(path, `${prefix}${name}/`));
    else if (name !== 'expected.json') result[`${prefix}${name}`] = readFileSync(path, 'utf8');
  }
  return result;
}

const corpora = folders.map((name) => filesBelow(join(import.meta.dirname, 'testdata', name)));
const fragments = [
  '[',
  ']',
  '{',
  '}',
  '{{',
  '}}',
  '{% for x in y %}',
  "'",
  '"',
  '\\',
  '#',
  ':',
  '=',
  '\n',
  '\t',
  '\0',
  '&a',
  '*a',
  '<<: ',
  '!vault ',
  '!unsafe ',
  '- ',
  '[1:99999999]',
  '[a:Z:3]',
  '[all:children]\nall\n',
  '9'.repeat(400),
  'null',
  'None',
  '1e999',
  '__proto__',
  'constructor: {}',
  '$ANSIBLE_VAULT;1.1;AES256\n',
  '{{ hostvars[inventory_hostname] }}',
  '{{ groups }}',
  "{{ x | regex_replace('(a+)+$', 'b') }}",
  'peers: 5\n',
  'ip=::1',
  'cluster_id=x',
  '\u{1F600}',
  '0x',
  '1__',
  '-'.repeat(50),
  '['.repeat(300),
];

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

function mutate(text: string, next: () => number): string {
  const at = Math.floor(next() * (text.length + 1));
  const length = Math.floor(next() * next() * 40);
  switch (Math.floor(next() * 5)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at);
    case 2: {
      const from = Math.floor(next() * (text.length + 1));
      return text.slice(0, at) + text.slice(from, from + length) + text.slice(at + length);
    }
    case 3:
      return text.slice(0, at) + String.fromCharCode(Math.floor(next() * 256)) + text.slice(at + 1);
    default:
      return text.slice(0, at) + fragments[Math.floor(next() * fragments.length)] + text.slice(at);
  }
}

test(`${count} mutated inventories`, () => {
  let planned = 0;
  let refused = 0;
  for (let seed = 1; seed <= count; seed++) {
    const next = random(seed);
    const original = corpora[seed % corpora.length]!;
    const files = { ...original };
    const names = Object.keys(files);
    for (let times = 1 + Math.floor(next() * 4); times > 0; times--) {
      const name = names[Math.floor(next() * names.length)]!;
      files[name] = mutate(files[name]!, next);
    }
    const source = Object.hasOwn(files, 'hosts.ini') ? 'hosts.ini' : 'hosts.yml';
    try {
      const { plan, findings } = planCluster([source], { files: memoryFiles(files), env: {} });
      printPlan(plan, false);
      printFindings(findings);
      drawSvg(plan);
      const state = stateOfPlan(plan);
      diffNetworks(state, state, plan.steps);
      planned++;
    } catch (error) {
      if (!(error instanceof CalicoError) || error.code === 'INTERNAL') {
        console.error(`seed ${seed}`, JSON.stringify(files));
        throw error;
      }
      expect({ seed, cure: error.cure ?? '' }).not.toEqual({ seed, cure: '' });
      refused++;
    }
  }
  expect(planned).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
}, 3_600_000);
