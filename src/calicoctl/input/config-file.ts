/** The text of a configuration file to its fields. */
import { ConfigError } from '../config.ts';
import type { Release } from '../release.ts';
import { jsonTypeName, quoteForOldText } from './go-json.ts';
import { parseYaml, YamlError } from './yaml.ts';

const booleans = ['k8sInsecureSkipTLSVerify', 'k8sDisableNodePoll', 'k8sUsePodCIDR'];
const groups: Readonly<Record<string, string>> = {
  etcd: 'EtcdConfig',
  k8s: 'KubeConfig',
  kube: 'KubeConfig',
};

/** Reads the fields of `spec`. @throws ConfigError with upstream's texts */
export function fieldsOfConfigText(
  text: string,
  path: string,
  known: readonly string[],
  release: Release,
): Readonly<Record<string, string>> {
  const older = release.minor <= 15;
  const fail = (message: string): ConfigError => new ConfigError(`syntax error in ${path}: ${message}`);
  const unmarshal = (old: string, recent: string): ConfigError =>
    fail(
      older
        ? `error parsing document: ${old}`
        : `failed to parse config as YAML/JSON: error unmarshaling JSON: while decoding JSON: json: ${recent}`,
    );
  let document: unknown;
  try {
    document = parseYaml(text).value;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw fail(
      older
        ? `error parsing document: ${error.message}`
        : `failed to parse config as YAML/JSON: error converting YAML to JSON: ${error.message}`,
    );
  }
  if (document !== null && document !== undefined && !isObject(document)) {
    const type = 'apiconfig.CalicoAPIConfig';
    throw unmarshal(
      `cannot parse ${jsonTypeName(document)} '${quoteForOldText(document)}' into value of type ${type}`,
      `cannot unmarshal ${jsonTypeName(document)} into Go value of type ${type}`,
    );
  }
  const root = isObject(document) ? document : {};
  const unknown = (names: readonly string[]): ConfigError =>
    unmarshal(
      names.length === 1
        ? `field in document is not recognized or is in the wrong location: ${names[0]}`
        : `fields in document are not recognized or are in the wrong location: ${[...names].sort().join(', ')}`,
      `unknown field "${names[0]}"`,
    );
  const stray = Object.keys(root).filter(
    (name) => !['apiVersion', 'kind', 'metadata', 'spec'].includes(name),
  );
  if (stray.length > 0) throw unknown(stray);
  const spec = root['spec'] ?? {};
  if (!isObject(spec)) throw unmarshal("cannot parse the 'spec'", 'cannot unmarshal the spec');
  const strayFields = Object.keys(spec).filter((name) => !known.includes(name) && name !== 'k8sUsePodCIDR');
  if (strayFields.length > 0) throw unknown(strayFields);
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(spec)) {
    if (value === null || value === undefined || value === '') continue;
    if (typeof value === 'object') {
      const group = groups[/^(etcd|k8s|kube)/.exec(name)?.[1] ?? ''] ?? 'EtcdConfig';
      const type = booleans.includes(name) ? 'bool' : 'string';
      throw unmarshal(
        `cannot parse ${jsonTypeName(value)} '${quoteForOldText(value)}' into field CalicoAPIConfigSpec.${name} of type ${type}`,
        `cannot unmarshal ${jsonTypeName(value)} into Go struct field CalicoAPIConfigSpec.spec.${group}.${name} of type ${type}`,
      );
    }
    fields[name] = String(value);
  }
  const version = root['apiVersion'] ?? '';
  if (version !== 'projectcalico.org/v3') throw fail(`invalid config file: unknown APIVersion '${version}'`);
  const kind = root['kind'] ?? '';
  if (kind !== 'CalicoAPIConfig') {
    throw fail(`invalid config file: expected kind 'CalicoAPIConfig', got '${kind}'`);
  }
  return fields;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
