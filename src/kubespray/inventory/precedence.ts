/**
 * Which value of a variable a host sees. Upstream: ansible/ansible: lib/ansible/vars/manager.py; the layers, low to
 * high, are those of specs: inventory `all`, inventory groups, group_vars/all, group_vars of groups, inventory host
 * variables, host_vars, extra variables.
 */
import {
  combineInto,
  type Group,
  type HashBehaviour,
  type Host,
  type Inventory,
  type Variable,
  type Variables,
} from './inventory.ts';
import type { VariableFiles } from './variable-files.ts';

/** One layer of variables. */
export interface Layer {
  readonly name: string;
  readonly variables: ReadonlyMap<string, Variable>;
}

/** What the layers are taken from. */
export interface VariableSources {
  readonly inventory: Inventory;
  readonly files: VariableFiles;
  /** Directories of the inventory sources, in order, and the one of the playbook. */
  readonly directories: readonly string[];
  readonly playDirectory: string | undefined;
  readonly extra: Variables;
}

/** All layers that a host has, lowest first. Empty ones are left out. */
export function layersOf(host: Host, sources: VariableSources): readonly Layer[] {
  const { inventory, files, directories, playDirectory } = sources;
  const all = inventory.addGroup('all');
  const groups = inventory.groupsOf(host).filter((group) => group !== all);
  const layers: Layer[] = [];
  const add = (name: string, variables: ReadonlyMap<string, Variable>) => {
    if (variables.size > 0) layers.push({ name, variables });
  };
  const play = playDirectory === undefined ? [] : [playDirectory];
  const fromFiles = (group: Group, folders: readonly string[]) => {
    for (const folder of folders)
      add(`group_vars/${group.name}`, files.variables(folder, 'group_vars', group.name));
  };
  add('inventory group all', all.variables);
  for (const group of groups) add(`inventory group ${group.name}`, group.variables);
  fromFiles(all, directories);
  fromFiles(all, play);
  // Each vars directory is applied to all groups before the next directory.
  for (const folder of directories) for (const group of groups) fromFiles(group, [folder]);
  for (const folder of play) for (const group of groups) fromFiles(group, [folder]);
  add(`inventory host ${host.name}`, host.variables);
  for (const folder of [...directories, ...play])
    add(`host_vars/${host.name}`, files.variables(folder, 'host_vars', host.name));
  add('extra variables', sources.extra);
  return layers;
}

/** The variables that a host sees, untemplated. */
export function hostVariables(layers: readonly Layer[], behaviour: HashBehaviour): Variables {
  const result: Variables = new Map();
  for (const layer of layers)
    for (const [name, variable] of layer.variables) combineInto(result, name, variable, behaviour);
  return result;
}
