/** group_vars and host_vars. Upstream: ansible/ansible: plugins/vars/host_group_vars.py, parsing/dataloader.py. */
import { isMapping, typeName } from '../values/value.ts';
import { loadYaml } from '../values/yaml.ts';
import { type FileTree, readText } from './file-tree.ts';
import { combineInto, compareText, type HashBehaviour, type Variables } from './inventory.ts';
import { inputError } from './position.ts';
import { joinPath } from './sources.ts';

const endings = ['', '.yml', '.yaml', '.json'];

/** A file of variables that is encrypted as a whole. */
export interface VaultFile {
  readonly file: string;
}

/** Reads variables of groups and hosts, each file once. */
export class VariableFiles {
  readonly vaults: VaultFile[] = [];
  readonly warnings: string[] = [];
  private readonly loaded = new Map<string, Variables>();
  private readonly found = new Map<string, Variables>();
  private readonly kinds = new Map<string, 'file' | 'directory' | undefined>();

  constructor(
    private readonly files: FileTree,
    private readonly behaviour: HashBehaviour,
    private readonly ignoredVaults: ReadonlySet<string>,
  ) {}

  /** Variables of one group or host next to one inventory. */
  variables(directory: string, kind: 'group_vars' | 'host_vars', name: string): Variables {
    const folder = joinPath(directory, kind);
    const key = `${folder}/${name}`;
    const known = this.found.get(key);
    if (known) return known;
    const result: Variables = new Map();
    this.found.set(key, result);
    if (name.startsWith('/') || this.kind(folder) !== 'directory') return result;
    for (const file of this.candidates(folder, name))
      for (const [variable, value] of this.load(file)) combineInto(result, variable, value, this.behaviour);
    return result;
  }

  private kind(path: string): 'file' | 'directory' | undefined {
    if (!this.kinds.has(path)) this.kinds.set(path, this.files.kind(path));
    return this.kinds.get(path);
  }

  /** The first of NAME, NAME.yml, NAME.yaml, NAME.json that exists ends the search. */
  private candidates(folder: string, name: string): readonly string[] {
    for (const ending of endings) {
      const path = joinPath(folder, `${name}${ending}`);
      const kind = this.kind(path);
      if (kind === 'directory') return this.inDirectory(path, 0);
      if (kind === 'file') return [path];
    }
    return [];
  }

  private inDirectory(path: string, depth: number): string[] {
    if (depth > 32) return [];
    const result: string[] = [];
    for (const name of [...this.files.list(path)].sort(compareText)) {
      if (name.startsWith('.') || name.endsWith('~')) continue;
      const ending = /^.+(\.[^.]*)$/.exec(name)?.[1] ?? '';
      const full = joinPath(path, name);
      const kind = this.files.kind(full);
      if (kind === 'directory' && ending === '') result.push(...this.inDirectory(full, depth + 1));
      else if (kind === 'file' && endings.includes(ending)) result.push(full);
    }
    return result;
  }

  private load(file: string): Variables {
    const known = this.loaded.get(file);
    if (known) return known;
    const result: Variables = new Map();
    this.loaded.set(file, result);
    const source = readText(this.files, file);
    if (source.startsWith('$ANSIBLE_VAULT')) {
      if (!this.ignoredVaults.has(file)) this.vaults.push({ file });
      return result;
    }
    const { value, positions, warnings } = loadYaml(file, source);
    for (const { message, position } of warnings)
      this.warnings.push(`${position.file}:${position.line}: ${message}`);
    const start = { file, line: 1, column: 1 };
    if (value === null || value === false || value === '' || value === 0) return result;
    if (Array.isArray(value) && value.length === 0) return result;
    if (!isMapping(value))
      throw inputError(
        start,
        `a file of variables must be a mapping, this is a ${typeName(value)}`,
        'Write NAME: VALUE lines.',
      );
    for (const [name, one] of value) result.set(name, { value: one, position: positions.get(name) ?? start });
    return result;
  }
}
