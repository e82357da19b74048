/** Errors name file, line, column and the cure; the rules that the recordings do not cover. */
import { describe, expect, test } from 'bun:test';
import { CalicoError } from '../../errors.ts';
import { toJson } from '../values/value.ts';
import { memoryFiles } from './file-tree.ts';
import { loadInventory, type ReadOptions } from './load.ts';

function load(files: Record<string, string>, sources: readonly string[], more: Partial<ReadOptions> = {}) {
  return loadInventory(sources, { files: memoryFiles(files), env: {}, ...more });
}

function variables(
  files: Record<string, string>,
  sources: readonly string[],
  host: string,
  more: Partial<ReadOptions> = {},
) {
  const loaded = load(files, sources, more);
  return Object.fromEntries(
    [...loaded.variables(loaded.inventory.hosts.get(host)!)].map(([name, { value }]) => [
      name,
      toJson(value),
    ]),
  );
}

describe('errors name the place', () => {
  const rows: readonly (readonly [string, Record<string, string>, string])[] = [
    [
      'a word without = on a host line',
      { 'h.ini': '[g]\nh a=1 stray b=2\n' },
      'h.ini:2:7: Expected key=value host variable assignment, got: stray',
    ],
    [
      'an unclosed quotation mark',
      { 'h.ini': 'h a="x\n' },
      `h.ini:1:1: Error parsing host definition 'h a="x': No closing quotation`,
    ],
    [
      'an unknown kind of section',
      { 'h.ini': '\n[g:what]\n' },
      'h.ini:2:1: Section [g:what] has unknown type: what',
    ],
    ['a section with blanks', { 'h.ini': '[my group]\n' }, "h.ini:1:1: Invalid section entry: '[my group]'"],
    [
      'variables of nobody',
      { 'h.ini': 'h\n[g:vars]\na=1\n' },
      'h.ini:2:1: Section [g:vars] not valid for undefined group: g',
    ],
    [
      'a child that does not exist',
      { 'h.ini': '[g:children]\n  nope\n' },
      'h.ini:2:3: Section [g:children] includes undefined group: nope',
    ],
    ['a circle of groups', { 'h.ini': '[a:children]\nb\n[b:children]\na\n' }, 'h.ini:'],
    [
      'a line without = in vars',
      { 'h.ini': '[g]\nh\n[g:vars]\nnothing\n' },
      'h.ini:4:1: Expected key=value, got: nothing',
    ],
    ['a range that is too long', { 'h.ini': 'h[1:99999999]\n' }, 'h.ini:1:1: host range makes more than'],
    ['a byte order mark', { 'h.ini': '\ufeff[g]\nh\n' }, 'h.ini:1:1: the file begins with a byte order mark'],
    ['a program', { 'h.ini': '#!/bin/sh\n' }, 'h.ini:1:1: this is a program'],
    [
      'variables that are a list',
      { 'h.ini': 'h\n', 'host_vars/h.yml': '- a\n' },
      'host_vars/h.yml:1:1: a file of variables must be a mapping',
    ],
    [
      'an encrypted file',
      { 'h.ini': 'h\n', 'host_vars/h': '$ANSIBLE_VAULT;1.1;AES256\n00\n' },
      'host_vars/h is vault-encrypted',
    ],
    [
      'a priority that is no number',
      { 'h.ini': '[g]\nh\n[g:vars]\nansible_group_priority=high\n' },
      'h.ini:4:1: ansible_group_priority of group g must be an integer',
    ],
  ];
  for (const [name, files, message] of rows)
    test(name, () => {
      let error: unknown;
      try {
        const loaded = load(files, ['h.ini']);
        for (const host of loaded.inventory.hosts.values()) loaded.variables(host);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(CalicoError);
      expect((error as CalicoError).message).toStartWith(message);
      expect((error as CalicoError).cure).toBeTruthy();
    });
});

test('an encrypted file may be left out', () => {
  const files = { 'h.ini': 'h a=1\n', 'host_vars/h': '$ANSIBLE_VAULT;1.1;AES256\n00\n' };
  expect(variables(files, ['h.ini'], 'h', { ignoredVaults: ['host_vars/h'] })).toEqual({ a: 1 });
});

test('extra variables win; key=value is text, JSON and files are typed', () => {
  const files = { 'h.ini': 'h a=1 b=1 c=1 d=1\n', 'more.yml': 'd: yes\n' };
  expect(
    variables(files, ['h.ini'], 'h', { extraVariables: ['a=2 b="x y"', '{"c": 3}', '@more.yml'] }),
  ).toEqual({ a: '2', b: 'x y', c: 3, d: true });
});

test('the output of ansible-inventory --list is read', () => {
  const listing = {
    _meta: { hostvars: { a: { ip: '10.0.0.1' } } },
    all: { children: ['ungrouped', 'g'] },
    g: { hosts: ['a'], vars: { x: 1 } },
  };
  expect(variables({ 'l.json': JSON.stringify(listing) }, ['l.json'], 'a')).toEqual({ x: 1, ip: '10.0.0.1' });
});

test('-i DIRECTORY skips hosts.ini, as Ansible does, and says so', () => {
  const loaded = load({ 'inv/hosts.ini': 'lost\n', 'inv/hosts.yml': 'all: {hosts: {kept: }}\n' }, ['inv']);
  expect([...loaded.inventory.hosts.keys()]).toEqual(['kept']);
  expect(loaded.warnings[0]?.message).toContain('inv/hosts.ini is skipped');
});

test('a reordered precedence is refused rather than ignored', () => {
  expect(() =>
    load({ 'h.ini': 'h\n', 'ansible.cfg': '[defaults]\nprecedence = all_inventory\n' }, ['h.ini']),
  ).toThrow('precedence is reordered');
});
