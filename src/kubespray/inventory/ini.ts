/** INI inventories. Upstream: ansible/ansible: lib/ansible/plugins/inventory/ini.py. */
import { parsePythonLiteral } from '../values/python-literal.ts';
import type { Value } from '../values/value.ts';
import { expandHostPattern } from './host-pattern.ts';
import type { Inventory } from './inventory.ts';
import { inputError, type Position } from './position.ts';
import { splitHostLine } from './shlex.ts';

const section = /^\[([^:\]\s]+)(?::([\p{L}\p{N}_]+))?\]\s*(?:#.*)?$/u;
const groupName = /^([^:\]\s]+)\s*(?:#.*)?$/u;

// What Python's str.splitlines splits at.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they end lines in Python
const lineEnd = /\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]/;

/** The value of `key=value`: a Python literal, else the text. */
export function iniValue(text: string): Value {
  const literal = parsePythonLiteral(text);
  return literal === undefined ? text : literal;
}

interface Pending {
  readonly state: 'vars' | 'children';
  readonly position: Position;
  readonly parents: string[];
}

/** Adds an INI source to the inventory. `safeName` is what becomes of a group's name. */
export function parseIni(
  file: string,
  source: string,
  inventory: Inventory,
  safeName: (name: string) => string,
): void {
  if (source.startsWith('\ufeff'))
    throw inputError(
      { file, line: 1, column: 1 },
      'the file begins with a byte order mark, which Ansible takes for a part of the first name',
      'Save it as UTF-8 without a byte order mark.',
    );
  const pending = new Map<string, Pending>();
  let group = 'ungrouped';
  let state = 'hosts';
  const addChild = (parent: string, child: string, position: Position) => {
    const error = inventory.addChild(parent, child);
    if (error !== undefined)
      throw inputError(position, error, 'Remove one of the two :children lines that make the circle.');
  };
  for (const [index, raw] of source.split(lineEnd).entries()) {
    const line = raw.trim();
    const indent = raw.length - raw.trimStart().length;
    const position = { file, line: index + 1, column: indent + 1 };
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue;
    const header = section.exec(line);
    if (header) {
      group = safeName(header[1] ?? '');
      state = header[2] ?? 'hosts';
      if (state !== 'hosts' && state !== 'children' && state !== 'vars')
        throw inputError(
          position,
          `Section [${header[1]}:${state}] has unknown type: ${state}`,
          'Write [GROUP], [GROUP:children] or [GROUP:vars].',
        );
      if (!inventory.groups.has(group)) {
        if (state === 'vars' && !pending.has(group))
          pending.set(group, { state: 'vars', position, parents: [] });
        inventory.addGroup(group);
      }
      const waiting = pending.get(group);
      if (waiting && state !== 'vars') {
        for (const parent of waiting.parents) addChild(parent, group, waiting.position);
        pending.delete(group);
      }
      continue;
    }
    if (line.startsWith('[') && line.endsWith(']'))
      throw inputError(
        position,
        `Invalid section entry: '${line}'. Please make sure that there are no spaces in the section entry, and that there are no other invalid characters`,
        'Write [GROUP], [GROUP:children] or [GROUP:vars], without blanks.',
      );
    if (state === 'hosts') hostLine(line, group, position, inventory);
    else if (state === 'vars') {
      const at = line.indexOf('=');
      if (at < 0)
        throw inputError(
          position,
          `Expected key=value, got: ${line}`,
          `Write NAME = VALUE, or close [${group}:vars] with the next section.`,
        );
      const name = line.slice(0, at).trim();
      setVariable(inventory, group, name, line.slice(at + 1).trim(), position);
    } else {
      const child = groupName.exec(line)?.[1];
      if (child === undefined)
        throw inputError(
          position,
          `Expected group name, got: ${line}`,
          `[${group}:children] lists one group a line, without variables.`,
        );
      const name = safeName(child);
      const waiting = pending.get(name);
      if (inventory.groups.has(name) && waiting?.state !== 'children') addChild(group, name, position);
      else if (waiting) waiting.parents.push(group);
      else pending.set(name, { state: 'children', position, parents: [group] });
    }
  }
  for (const [name, { state: kind, position, parents }] of pending) {
    throw kind === 'vars'
      ? inputError(
          position,
          `Section [${name}:vars] not valid for undefined group: ${name}`,
          `Add a section [${name}] with its hosts, or correct the name.`,
        )
      : inputError(
          position,
          `Section [${parents.at(-1)}:children] includes undefined group: ${name}`,
          `Add a section [${name}] (it may be empty), or remove the line.`,
        );
  }
}

function hostLine(line: string, group: string, position: Position, inventory: Inventory): void {
  const tokens = splitHostLine(line);
  if ('error' in tokens)
    throw inputError(
      position,
      `Error parsing host definition '${line}': ${tokens.error}`,
      'Close the quotation mark, or put a backslash before it.',
    );
  const [first, ...rest] = tokens;
  if (!first) return;
  const at = (offset: number) => ({ ...position, column: position.column + offset });
  const pattern = expandHostPattern(first.text);
  if ('error' in pattern)
    throw inputError(
      position,
      pattern.error,
      'A host line is NAME, NAME:PORT or NAME[BEGIN:END], followed by key=value pairs.',
    );
  const variables: [string, string, Position][] = [];
  for (const { text, offset } of rest) {
    const equals = text.indexOf('=');
    if (equals < 0)
      throw inputError(
        at(offset),
        `Expected key=value host variable assignment, got: ${text}`,
        'Write key=value without blanks around "=", and quote a value that contains blanks.',
      );
    variables.push([text.slice(0, equals), text.slice(equals + 1), at(offset)]);
  }
  for (const name of pattern.names) {
    inventory.addHost(name, group, pattern.port, position);
    for (const [key, value, place] of variables) setVariable(inventory, name, key, value, place);
  }
}

function setVariable(
  inventory: Inventory,
  owner: string,
  key: string,
  text: string,
  position: Position,
): void {
  const error = inventory.setVariable(owner, key, { value: iniValue(text), position });
  if (error !== undefined) throw inputError(position, error, 'Write a whole number, for example 10.');
}
