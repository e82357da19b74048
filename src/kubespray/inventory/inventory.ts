/**
 * The inventory as parsing leaves it: hosts, groups, who is in what, and variables with their places.
 * Upstream: ansible/ansible: lib/ansible/inventory/{data,group,host}.py.
 */
import { integer, isMapping, type Mapping, type Value } from '../values/value.ts';
import type { Position } from './position.ts';

/** A value and where it was written. */
export interface Variable {
  readonly value: Value;
  readonly position: Position;
}

/** Variables by name. */
export type Variables = Map<string, Variable>;

/** A group. */
export class Group {
  readonly hosts: Host[] = [];
  readonly children: Group[] = [];
  readonly parents: Group[] = [];
  readonly variables: Variables = new Map();
  /** Distance from `all`; of equal depth, the higher priority wins, then the later name. */
  depth = 0;
  priority = 1;

  constructor(
    readonly name: string,
    readonly order: number,
  ) {}

  /** All groups above this one. */
  ancestors(): Set<Group> {
    const seen = new Set<Group>();
    const queue = [...this.parents];
    for (let group = queue.pop(); group; group = queue.pop()) {
      if (seen.has(group)) continue;
      seen.add(group);
      queue.push(...group.parents);
    }
    return seen;
  }
}

/** A host. */
export class Host {
  readonly groups: Group[] = [];
  readonly variables: Variables = new Map();

  constructor(readonly name: string) {}
}

/** How mappings of several layers combine. */
export type HashBehaviour = 'replace' | 'merge';

/** Merges mappings recursively; lists and scalars of the later one replace. */
export function mergeMappings(low: Mapping, high: Mapping): Mapping {
  const result = new Map(low);
  for (const [key, value] of high) {
    const before = result.get(key);
    result.set(key, isMapping(before) && isMapping(value) ? mergeMappings(before, value) : value);
  }
  return result;
}

/** Sets a variable over what is there, by the rules of `behaviour`. */
export function combineInto(
  target: Variables,
  name: string,
  variable: Variable,
  behaviour: HashBehaviour,
): void {
  const before = target.get(name);
  if (behaviour === 'merge' && isMapping(before?.value) && isMapping(variable.value))
    target.set(name, {
      value: mergeMappings(before.value, variable.value),
      position: variable.position,
    });
  else target.set(name, variable);
}

/** What parsing adds to; one inventory for all sources. */
export class Inventory {
  readonly hosts = new Map<string, Host>();
  readonly groups = new Map<string, Group>();
  private readonly members = new Map<Group, Set<Host | Group>>();

  constructor(readonly hashBehaviour: HashBehaviour) {
    this.addGroup('all');
    this.addGroup('ungrouped');
    this.addChild('all', 'ungrouped');
  }

  addGroup(name: string): Group {
    const known = this.groups.get(name);
    if (known) return known;
    const group = new Group(name, this.groups.size);
    this.groups.set(name, group);
    return group;
  }

  addHost(name: string, groupName: string, port: number | undefined, position: Position): Host {
    let host = this.hosts.get(name);
    if (!host) {
      host = new Host(name);
      this.hosts.set(name, host);
      if (port !== undefined) host.variables.set('ansible_port', { value: port, position });
    }
    this.join(this.addGroup(groupName), host);
    return host;
  }

  private join(group: Group, host: Host): void {
    const members = this.membersOf(group);
    if (members.has(host)) return;
    members.add(host);
    group.hosts.push(host);
    host.groups.push(group);
  }

  private membersOf(group: Group): Set<Host | Group> {
    const known = this.members.get(group);
    if (known) return known;
    const members = new Set<Host | Group>();
    this.members.set(group, members);
    return members;
  }

  /** Puts one group below another; the error is Ansible's. */
  addChild(parentName: string, childName: string): string | undefined {
    const parent = this.addGroup(parentName);
    const child = this.addGroup(childName);
    if (parent === child) return `can't add group to itself`;
    const members = this.membersOf(parent);
    if (members.has(child)) return undefined;
    if (parent.ancestors().has(child))
      return `Adding group '${childName}' as child to '${parentName}' creates a recursive dependency loop.`;
    members.add(child);
    parent.children.push(child);
    child.parents.push(parent);
    return undefined;
  }

  /**
   * Sets a variable of the group of that name, or else of the host: a host that shares its name with a group loses
   * its variables to the group, as in Ansible. The returned text is an error.
   */
  setVariable(name: string, key: string, variable: Variable): string | undefined {
    const group = this.groups.get(name);
    if (group && key === 'ansible_group_priority') {
      const priority = priorityOf(variable.value);
      if (priority === undefined) return `ansible_group_priority of group ${name} must be an integer`;
      group.priority = priority;
      return undefined;
    }
    const target = group?.variables ?? this.hosts.get(name)?.variables;
    if (target) combineInto(target, key, variable, this.hashBehaviour);
    return undefined;
  }

  /** After all sources: no host without a group, no group without a parent, depths. */
  reconcile(): void {
    const [all, ungrouped] = [this.addGroup('all'), this.addGroup('ungrouped')];
    for (const group of this.groups.values())
      if (group !== all && group.parents.length === 0) this.addChild('all', group.name);
    for (const host of this.hosts.values()) {
      const real = host.groups.some((group) => group !== all && group !== ungrouped);
      if (real) this.leave(ungrouped, host);
      else if (!host.groups.includes(ungrouped)) this.join(ungrouped, host);
    }
    this.setDepths(all);
  }

  private leave(group: Group, host: Host): void {
    if (!this.membersOf(group).delete(host)) return;
    group.hosts.splice(group.hosts.indexOf(host), 1);
    host.groups.splice(host.groups.indexOf(group), 1);
  }

  /** The longest path from `all`, by a topological walk. */
  private setDepths(all: Group): void {
    const waiting = new Map<Group, number>();
    for (const group of this.groups.values()) waiting.set(group, group.parents.length);
    const ready = [all];
    for (let group = ready.pop(); group; group = ready.pop()) {
      for (const child of group.children) {
        child.depth = Math.max(child.depth, group.depth + 1);
        const left = (waiting.get(child) ?? 1) - 1;
        waiting.set(child, left);
        if (left === 0) ready.push(child);
      }
    }
  }

  /** Hosts of a group in Ansible's order: breadth-first over the group and its descendants. */
  hostsOf(name: string): readonly Host[] {
    const start = this.groups.get(name);
    if (!start) return [];
    const seen = new Set<Group>([start]);
    const hosts = new Set<Host>();
    const queue = [start];
    for (let at = 0; at < queue.length; at++) {
      const group = queue[at];
      for (const host of group?.hosts ?? []) hosts.add(host);
      for (const child of group?.children ?? []) {
        if (seen.has(child)) continue;
        seen.add(child);
        queue.push(child);
      }
    }
    return [...hosts];
  }

  /** Every group a host is in, ancestors included, lowest precedence first. */
  groupsOf(host: Host): readonly Group[] {
    const groups = new Set<Group>(host.groups);
    for (const group of host.groups) for (const ancestor of group.ancestors()) groups.add(ancestor);
    return [...groups].sort(
      (a, b) => a.depth - b.depth || a.priority - b.priority || compareText(a.name, b.name),
    );
  }
}

/** Python's order of text: by code point. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function priorityOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value))
    return Number(integer(BigInt(value.trim().replace(/^\+/, ''))));
  if (value !== null && typeof value === 'object' && 'value' in value) return Math.trunc(value.value);
  return undefined;
}
