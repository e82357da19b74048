/** The whole reading: configuration, sources, variable files, precedence. */
import { CalicoError } from '../../errors.ts';
import { type AnsibleConfig, readAnsibleConfig } from './ansible-config.ts';
import { parseExtraVariables } from './extra-variables.ts';
import type { FileTree } from './file-tree.ts';
import type { Host, Inventory, Variables } from './inventory.ts';
import { hostVariables, type Layer, layersOf } from './precedence.ts';
import { parseSources } from './sources.ts';
import { VariableFiles } from './variable-files.ts';
import type { InventoryWarning } from './yaml-inventory.ts';

/** How an inventory is read. */
export interface ReadOptions {
  readonly files: FileTree;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `-e` arguments. */
  readonly extraVariables?: readonly string[];
  /** Where ansible.cfg is looked for; default the working directory. */
  readonly workingDirectory?: string;
  /** A directory whose group_vars and host_vars come after those of the inventory (the playbook's). */
  readonly playDirectory?: string;
  /** Encrypted files of variables that may be left out. */
  readonly ignoredVaults?: readonly string[];
  readonly hashBehaviour?: 'replace' | 'merge';
}

/** An inventory with every host's variables, untemplated. */
export interface LoadedInventory {
  readonly config: AnsibleConfig;
  readonly inventory: Inventory;
  readonly warnings: readonly InventoryWarning[];
  /** The layers of a host, lowest first. */
  layers(host: Host): readonly Layer[];
  /** The variables of a host after precedence. */
  variables(host: Host): Variables;
}

/** Reads the inventory of some `-i` arguments. Throws for anything that cannot be understood. */
export function loadInventory(sources: readonly string[], options: ReadOptions): LoadedInventory {
  const { files } = options;
  const found = readAnsibleConfig(files, options.env ?? {}, options.workingDirectory ?? '.');
  const config =
    options.hashBehaviour === undefined ? found : { ...found, hashBehaviour: options.hashBehaviour };
  const given = sources.length > 0 ? sources : config.inventory;
  if (given.length === 0)
    throw new CalicoError('USAGE', 'no inventory given', { cure: 'Give one with -i PATH.' });
  const parsed = parseSources(files, given, config);
  const variableFiles = new VariableFiles(files, config.hashBehaviour, new Set(options.ignoredVaults ?? []));
  const playDirectory =
    options.playDirectory ?? (parsed.hasHostList ? (options.workingDirectory ?? '.') : undefined);
  const variableSources = {
    inventory: parsed.inventory,
    files: variableFiles,
    directories: parsed.variableDirectories,
    playDirectory,
    extra: parseExtraVariables(options.extraVariables ?? [], files, config.hashBehaviour),
  };
  const layers = (host: Host): readonly Layer[] => {
    const result = layersOf(host, variableSources);
    const vault = variableFiles.vaults[0];
    if (vault)
      throw new CalicoError(
        'INPUT',
        `${vault.file} is vault-encrypted; it may hold variables this network needs`,
        { cure: `Decrypt it (ansible-vault view), or leave it out with --ignore-vault ${vault.file}.` },
      );
    return result;
  };
  const known = new Map<Host, Variables>();
  return {
    config,
    inventory: parsed.inventory,
    warnings: parsed.warnings,
    layers,
    variables: (host) => {
      const before = known.get(host);
      if (before) return before;
      const variables = hostVariables(layers(host), config.hashBehaviour);
      known.set(host, variables);
      return variables;
    },
  };
}
