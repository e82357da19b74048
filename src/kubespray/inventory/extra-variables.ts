/** `-e`: `key=value …`, YAML or JSON text, or `@file`. Upstream: ansible/ansible: lib/ansible/utils/vars.py. */
import { CalicoError } from '../../errors.ts';
import { isMapping } from '../values/value.ts';
import { loadYaml } from '../values/yaml.ts';
import { type FileTree, readText } from './file-tree.ts';
import { combineInto, type HashBehaviour, type Variables } from './inventory.ts';
import { splitHostLine } from './shlex.ts';

/** Reads all `-e` arguments in order. Values of `key=value` are text. */
export function parseExtraVariables(
  argumentsGiven: readonly string[],
  files: FileTree,
  behaviour: HashBehaviour,
): Variables {
  const result: Variables = new Map();
  for (const argument of argumentsGiven)
    for (const [name, variable] of one(argument, files)) combineInto(result, name, variable, behaviour);
  return result;
}

function one(argument: string, files: FileTree): Variables {
  const result: Variables = new Map();
  const isFile = argument.startsWith('@');
  if (isFile || /^\s*[{[]/.test(argument)) {
    const file = isFile ? argument.slice(1) : '-e';
    const { value, positions } = loadYaml(file, isFile ? readText(files, file) : argument);
    if (value !== null && !isMapping(value)) throw invalid(argument);
    for (const [name, each] of value ?? [])
      result.set(name, { value: each, position: positions.get(name) ?? { file, line: 1, column: 1 } });
    return result;
  }
  const tokens = splitHostLine(argument);
  if ('error' in tokens) throw invalid(argument);
  for (const { text } of tokens) {
    const at = text.indexOf('=');
    if (at < 0) throw invalid(argument);
    result.set(text.slice(0, at), {
      value: text.slice(at + 1),
      position: { file: '-e', line: 0, column: 0 },
    });
  }
  return result;
}

function invalid(argument: string): CalicoError {
  return new CalicoError('USAGE', `-e ${argument}: not key=value, YAML or JSON, or @FILE`, {
    cure: `Write -e name=value, -e '{"name": value}' or -e @vars.yml.`,
  });
}
