/** The few settings of ansible.cfg and the environment that change how an inventory is read. */
import { CalicoError } from '../../errors.ts';
import { type FileTree, readText } from './file-tree.ts';
import type { HashBehaviour } from './inventory.ts';

/** What is taken from the configuration. */
export interface AnsibleConfig {
  /** The file it was read from. */
  readonly file: string | undefined;
  readonly hashBehaviour: HashBehaviour;
  /** What becomes of `-`, `.` and the like in names of groups. */
  readonly groupNames: 'keep' | 'replace';
  /** Regular expressions of names, and endings, that an inventory directory skips. */
  readonly ignoredNames: readonly RegExp[];
  readonly ignoredEndings: readonly string[];
  /** The inventory to use if none is given. */
  readonly inventory: readonly string[];
}

const defaultEndings = [
  '.pyc',
  '.pyo',
  '.swp',
  '.bak',
  '~',
  '.rpm',
  '.md',
  '.txt',
  '.rst',
  '.orig',
  '.ini',
  '.cfg',
  '.retry',
  // Kubespray's own ansible.cfg
  '.creds',
  '.gpg',
];

/** Reads the first ansible.cfg that exists; the environment wins over it. */
export function readAnsibleConfig(
  files: FileTree,
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
): AnsibleConfig {
  const candidates = [
    env['ANSIBLE_CONFIG'],
    directory === '.' ? 'ansible.cfg' : `${directory}/ansible.cfg`,
    env['HOME'] === undefined ? undefined : `${env['HOME']}/.ansible.cfg`,
    '/etc/ansible/ansible.cfg',
  ];
  const file = candidates.find((path) => path !== undefined && files.kind(path) === 'file');
  const settings = file === undefined ? new Map<string, string>() : parseConfig(readText(files, file));
  const get = (section: string, key: string) => settings.get(`${section}.${key}`);
  const where = (variable: string) => (env[variable] === undefined ? (file ?? 'ansible.cfg') : variable);

  const hash = env['ANSIBLE_HASH_BEHAVIOUR'] ?? get('defaults', 'hash_behaviour') ?? 'replace';
  if (hash !== 'replace' && hash !== 'merge')
    throw new CalicoError('INPUT', `${where('ANSIBLE_HASH_BEHAVIOUR')}: hash_behaviour is '${hash}'`, {
      cure: 'Write replace (the default) or merge.',
    });
  const precedence = env['ANSIBLE_PRECEDENCE'] ?? get('defaults', 'precedence');
  const order = precedence?.split(',').map((one) => one.trim());
  if (order !== undefined && order.join() !== defaultPrecedence.join())
    throw new CalicoError('UNSUPPORTED', `${where('ANSIBLE_PRECEDENCE')}: precedence is reordered`, {
      cure: `Remove the setting: only Ansible's default order is understood (${defaultPrecedence.join(', ')}).`,
    });
  const transform =
    env['ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS'] ?? get('defaults', 'force_valid_group_names') ?? 'never';
  const endings =
    env['ANSIBLE_INVENTORY_IGNORE'] ??
    get('inventory', 'ignore_extensions') ??
    get('defaults', 'inventory_ignore_extensions');
  const patterns =
    env['ANSIBLE_INVENTORY_IGNORE_REGEX'] ??
    get('inventory', 'ignore_patterns') ??
    get('defaults', 'inventory_ignore_patterns') ??
    'artifacts, credentials';
  const inventory = env['ANSIBLE_INVENTORY'] ?? get('defaults', 'inventory');
  return {
    file,
    hashBehaviour: hash,
    groupNames: transform === 'always' || transform === 'silently' ? 'replace' : 'keep',
    ignoredNames: splitList(patterns).flatMap((one) => {
      try {
        return [new RegExp(one)];
      } catch {
        return [];
      }
    }),
    ignoredEndings: endings === undefined ? defaultEndings : splitList(endings),
    inventory: inventory === undefined ? [] : splitList(inventory),
  };
}

const defaultPrecedence = [
  'all_inventory',
  'groups_inventory',
  'all_plugins_inventory',
  'all_plugins_play',
  'groups_plugins_inventory',
  'groups_plugins_play',
];

const splitList = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** An INI file in Python's ConfigParser manner: `section.key` → value; a trailing ` ;` comment is dropped. */
function parseConfig(source: string): Map<string, string> {
  const result = new Map<string, string>();
  let section = '';
  let last: string | undefined;
  for (const line of source.split('\n')) {
    if (/^\s*[#;]/.test(line) || line.trim() === '') continue;
    const header = /^\[([^\]]+)\]/.exec(line);
    if (header) {
      section = header[1] ?? '';
      last = undefined;
      continue;
    }
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line);
    if (pair && !/^\s/.test(line)) {
      last = `${section}.${(pair[1] ?? '').toLowerCase()}`;
      result.set(last, (pair[2] ?? '').replace(/\s;.*$/, '').trim());
    } else if (last !== undefined) result.set(last, `${result.get(last)}\n${line.trim()}`);
  }
  return result;
}
