/**
 * YAML inventories, and the JSON that `ansible-inventory --list` prints.
 * Upstream: ansible/ansible: lib/ansible/plugins/inventory/{yaml,script}.py.
 */
import { isList, isMapping, type Mapping, typeName, type Value } from '../values/value.ts';
import { loadYaml } from '../values/yaml.ts';
import { expandHostPattern } from './host-pattern.ts';
import type { Inventory } from './inventory.ts';
import { inputError, type Position } from './position.ts';

/** Something odd that is not an error. */
export interface InventoryWarning {
  readonly message: string;
  readonly position: Position;
}

const listCure = 'A group is a mapping with hosts:, children: and vars:, each again a mapping.';

/** Adds a YAML source to the inventory. */
export function parseYamlInventory(
  file: string,
  source: string,
  inventory: Inventory,
  safeName: (name: string) => string,
): InventoryWarning[] {
  const { value, positions, warnings } = loadYaml(file, source);
  const start = { file, line: 1, column: 1 };
  if (value === null || (isMapping(value) && value.size === 0) || value === '' || value === false)
    throw inputError(start, 'Parsed empty YAML file', 'Give the inventory at least the group `all`.');
  if (!isMapping(value))
    throw inputError(
      start,
      `YAML inventory has invalid structure, it should be a dictionary, got: ${typeName(value)}`,
      listCure,
    );
  const plugin = value.get('plugin');
  if (plugin !== undefined && plugin !== null)
    throw inputError(
      positions.get('plugin') ?? start,
      'Plugin configuration YAML file, not YAML inventory',
      'Nothing is executed here: run `ansible-inventory --list -i THIS > hosts.json` and give hosts.json.',
    );
  const reader = new Reader(inventory, safeName, [...warnings]);
  if (value.has('_meta')) reader.listing(value, (key) => positions.get(key) ?? start);
  else for (const [name, group] of value) reader.group(name, group, positions.get(name) ?? start);
  return reader.warnings;
}

class Reader {
  constructor(
    private readonly inventory: Inventory,
    private readonly safeName: (name: string) => string,
    readonly warnings: InventoryWarning[],
  ) {}

  group(rawName: string, data: Value, position: Position): string {
    const name = this.safeName(rawName);
    if (data !== null && !isMapping(data)) {
      this.warnings.push({
        message: `Skipping '${rawName}' as this is not a valid group definition`,
        position,
      });
      return name;
    }
    this.inventory.addGroup(name);
    const entries = new Map<string, Mapping | null>();
    for (const [key, one] of data ?? []) {
      if (typeof one === 'string' && ['vars', 'children', 'hosts'].includes(key))
        entries.set(key, new Map([[one, null]]));
      else if (one === null || isMapping(one)) entries.set(key, one);
      else if (['vars', 'children', 'hosts'].includes(key))
        throw inputError(
          position,
          `Invalid "${key}" entry for "${rawName}" group, requires a dictionary, found "${typeName(one)}" instead.`,
          key === 'hosts' ? 'Write each host as a key: `name:` or `name: {ip: …}`.' : listCure,
        );
      else
        this.warnings.push({
          message: `Skipping key (${key}) in group (${rawName}) as it is not a mapping, it is a ${typeName(one)}`,
          position,
        });
    }
    for (const [key, one] of entries) {
      if (one === null) continue;
      if (key === 'vars') for (const [variable, value] of one) this.set(name, variable, value, position);
      else if (key === 'children') {
        for (const [child, value] of one) {
          if (value !== null && !isMapping(value))
            throw inputError(position, `the group ${child} is a ${typeName(value)}, not a mapping`, listCure);
          const error = this.inventory.addChild(name, this.group(child, value, position));
          if (error !== undefined)
            throw inputError(position, error, 'Remove one of the two children entries that make the circle.');
        }
      } else if (key === 'hosts') for (const [host, value] of one) this.host(host, value, name, position);
      else
        this.warnings.push({
          message: `Skipping unexpected key (${key}) in group (${rawName}), only "vars", "children" and "hosts" are valid`,
          position,
        });
    }
    return name;
  }

  private host(text: string, value: Value, group: string, position: Position): void {
    if (value !== null && !isMapping(value))
      throw inputError(
        position,
        `the variables of host ${text} are a ${typeName(value)}, not a mapping`,
        `Write \`${text}: {name: value}\`.`,
      );
    const pattern = expandHostPattern(text);
    if ('error' in pattern)
      throw inputError(position, pattern.error, 'Write NAME, NAME:PORT or NAME[BEGIN:END].');
    for (const name of pattern.names) {
      this.inventory.addHost(name, group, pattern.port, position);
      for (const [key, one] of value ?? []) this.set(name, key, one, position);
    }
  }

  private set(owner: string, key: string, value: Value, position: Position): void {
    const error = this.inventory.setVariable(owner, key, { value, position });
    if (error !== undefined) throw inputError(position, error, 'Write a whole number, for example 10.');
  }

  /** The output of `ansible-inventory --list` or of a dynamic inventory. */
  listing(data: Mapping, at: (key: string) => Position): void {
    for (const [rawName, value] of data) {
      if (rawName === '_meta') continue;
      const name = this.safeName(rawName);
      const position = at(rawName);
      this.inventory.addGroup(name);
      const group: Mapping = isMapping(value) ? value : new Map([['hosts', value]]);
      for (const host of this.names(group.get('hosts'), rawName, position))
        this.inventory.addHost(host, name, undefined, position);
      for (const [key, one] of this.mapping(group.get('vars'), `vars of ${rawName}`, position))
        this.set(name, key, one, position);
      for (const child of this.names(group.get('children'), rawName, position)) {
        const error = this.inventory.addChild(name, this.safeName(child));
        if (error !== undefined) throw inputError(position, error, 'Correct the listing.');
      }
    }
    const meta = this.mapping(data.get('_meta') ?? null, '_meta', at('_meta'));
    for (const [host, value] of this.mapping(meta.get('hostvars'), 'hostvars', at('_meta'))) {
      if (!this.inventory.hosts.has(host)) continue;
      for (const [key, one] of this.mapping(value, `hostvars of ${host}`, at('_meta')))
        this.set(host, key, one, at('_meta'));
    }
  }

  private names(value: Value | undefined, group: string, position: Position): readonly string[] {
    if (value === undefined || value === null) return [];
    if (isList(value)) return value.map((one) => String(one));
    throw inputError(
      position,
      `the members of ${group} are not a list`,
      'Give the output of `ansible-inventory --list` unchanged.',
    );
  }

  private mapping(value: Value | undefined, what: string, position: Position): Mapping {
    if (value === undefined || value === null) return new Map();
    if (isMapping(value)) return value;
    throw inputError(
      position,
      `${what} is not a mapping`,
      'Give the output of `ansible-inventory --list` unchanged.',
    );
  }
}
