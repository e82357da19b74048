/** From `-i` arguments to one inventory. Upstream: ansible/ansible: lib/ansible/inventory/manager.py. */
import { CalicoError } from '../../errors.ts';
import type { AnsibleConfig } from './ansible-config.ts';
import { type FileTree, readText } from './file-tree.ts';
import { splitPort } from './host-pattern.ts';
import { parseIni } from './ini.ts';
import { compareText, Inventory } from './inventory.ts';
import { type InventoryWarning, parseYamlInventory } from './yaml-inventory.ts';

/** A parsed inventory: also the directories whose group_vars and host_vars belong to it, in order. */
export interface ParsedSources {
  readonly inventory: Inventory;
  readonly variableDirectories: readonly string[];
  readonly hasHostList: boolean;
  readonly warnings: readonly InventoryWarning[];
}

const yamlEndings = ['.yaml', '.yml', '.json'];

/** Parses every source in order into one inventory. */
export function parseSources(
  files: FileTree,
  sources: readonly string[],
  config: AnsibleConfig,
): ParsedSources {
  const inventory = new Inventory(config.hashBehaviour);
  const reader = new SourceReader(files, inventory, config);
  const directories: string[] = [];
  let hasHostList = false;
  for (const source of sources) {
    const kind = files.kind(source);
    if (kind === undefined && source.includes(',')) {
      hasHostList = true;
      reader.hostList(source);
      continue;
    }
    if (kind === undefined)
      throw new CalicoError('INPUT', `${source}: no such file or directory`, {
        cure: 'Give the path of an inventory file or directory with -i; a list of hosts needs a comma, as in "a,b,".',
      });
    directories.push(kind === 'directory' ? source : directoryOf(source));
    reader.source(source);
  }
  inventory.reconcile();
  return { inventory, variableDirectories: directories, hasHostList, warnings: reader.warnings };
}

/** The directory of a path, `.` if it has none. */
export function directoryOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : path.slice(0, at);
}

/** Joins without making `./`. */
export function joinPath(directory: string, name: string): string {
  return directory === '.' ? name : `${directory.replace(/\/$/, '')}/${name}`;
}

class SourceReader {
  readonly warnings: InventoryWarning[] = [];

  constructor(
    private readonly files: FileTree,
    private readonly inventory: Inventory,
    private readonly config: AnsibleConfig,
  ) {}

  private readonly safeName = (name: string): string =>
    this.config.groupNames === 'replace'
      ? name.replace(/[^\p{L}\p{N}_]/gu, '_').replace(/^(?=\d)/, '_')
      : name;

  hostList(source: string): void {
    const position = { file: '-i', line: 0, column: 0 };
    for (const one of source.split(',')) {
      const text = one.trim();
      if (text === '') continue;
      const split = text.includes('[') && !/^\[[^\]]*\]:\d+$/.test(text) ? undefined : splitPort(text);
      this.inventory.addHost(split?.address ?? text, 'ungrouped', split?.port, position);
    }
  }

  source(path: string): void {
    if (this.files.kind(path) === 'directory') this.directory(path);
    else this.file(path);
  }

  private directory(path: string): void {
    for (const name of [...this.files.list(path)].sort(compareText)) {
      if (/^\.|^host_vars$|^group_vars$|^vars_plugins$/.test(name)) continue;
      if (this.config.ignoredNames.some((pattern) => pattern.test(name))) continue;
      if (this.config.ignoredEndings.some((ending) => name.endsWith(ending))) {
        this.noteSkipped(joinPath(path, name));
        continue;
      }
      this.source(joinPath(path, name));
    }
  }

  /** The trap of `-i inventory/mycluster/`: hosts.ini is not read. */
  private noteSkipped(path: string): void {
    if (/\.ini$/.test(path) && this.files.kind(path) === 'file')
      this.warnings.push({
        message: `${path} is skipped, as Ansible does with .ini files when the directory is given; give the file itself: -i ${path}`,
        position: { file: path, line: 0, column: 0 },
      });
  }

  private file(path: string): void {
    const source = readText(this.files, path);
    if (source.startsWith('#!'))
      throw new CalicoError(
        'UNSUPPORTED',
        `${path}:1:1: this is a program (it starts with #!), and nothing is executed here`,
        {
          cure: `Run it yourself: \`ansible-inventory -i ${path} --list > hosts.json\`, then give -i hosts.json.`,
        },
      );
    if (source.startsWith('$ANSIBLE_VAULT'))
      throw new CalicoError('INPUT', `${path}: the inventory is vault-encrypted`, {
        cure: `Decrypt it first: ansible-vault view ${path}.`,
      });
    const ending = /(\.[^./]+)$/.exec(path)?.[1] ?? '';
    if (ending !== '' && !yamlEndings.includes(ending)) {
      parseIni(path, source, this.inventory, this.safeName);
      return;
    }
    // A file that the YAML reader rejects is offered to the INI reader.
    const attempt = this.tryYaml(path, source);
    if (attempt === undefined) return;
    if (!looksLikeIni(source)) throw attempt;
    parseIni(path, source, this.inventory, this.safeName);
  }

  private tryYaml(path: string, source: string): unknown {
    const trial = new Inventory(this.config.hashBehaviour);
    try {
      parseYamlInventory(path, source, trial, this.safeName);
    } catch (error) {
      return error;
    }
    this.warnings.push(...parseYamlInventory(path, source, this.inventory, this.safeName));
    return undefined;
  }
}

/** Which of two error messages helps: a file with sections is meant as INI. */
function looksLikeIni(source: string): boolean {
  const first = source.split('\n').find((line) => line.trim() !== '' && !/^\s*[#;]/.test(line));
  return first !== undefined && (/^\s*\[/.test(first) || !/[:{-]/.test(first.replace(/\S+=\S+/g, '')));
}
