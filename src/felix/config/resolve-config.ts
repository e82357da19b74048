/**
 * Merges the sources of configuration into one typed value, with the origin of each parameter. Pure.
 *
 * Precedence, low to high: built-in default, FelixConfiguration `default`, the one whose nodeSelector matches,
 * `node.<name>`, file, environment. An empty text is as good as none; `none` is the type's zero; an invalid text of a
 * parameter that may fall back takes the built-in default *at that source's priority* (not the next source's value).
 * Upstream: felix/config/config_params.go.
 */
import type { FelixConfig } from './felix-config.ts';
import { type ParameterName, parameters } from './parameters.ts';
import { type ParameterType, parseGoDuration, parseValue, zeroValue } from './parse-value.ts';

/** Where a value comes from, lowest priority first. */
export const configSources = ['default', 'global', 'selected', 'node', 'file', 'environment'] as const;

/** One of {@link configSources}. */
export type ConfigSource = (typeof configSources)[number];

/** Texts by parameter name (any case) or, from the datastore, by field of FelixConfiguration.spec. */
export type ConfigTexts = Readonly<Record<string, string>>;

/** Texts of each source. The environment is given whole; variables without the prefix are passed over. */
export interface ConfigInput {
  readonly global?: ConfigTexts;
  readonly selected?: ConfigTexts;
  readonly node?: ConfigTexts;
  readonly file?: ConfigTexts;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether a path that must exist does; default: taken as given. */
  readonly pathExists?: (path: string) => boolean;
}

/** The outcome: a configuration always, and what a person should know about it. */
export interface ResolvedConfig {
  readonly config: FelixConfig;
  readonly origins: Readonly<Record<ParameterName, ConfigSource>>;
  /** The texts in force of all that is not default, by parameter; unknown ones included. A change means a restart. */
  readonly texts: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  /** With any of these the agent must not start. */
  readonly errors: readonly string[];
}

/** A row of the table with its optional columns made explicit. */
interface ParameterRow extends ParameterType {
  readonly name: string;
  readonly default: string;
  readonly datastore?: string;
  readonly nonZero?: boolean;
  readonly onParseFailure?: string;
  readonly localOnly?: boolean;
}

const rows: readonly ParameterRow[] = parameters;
const byName = new Map(rows.map((row) => [row.name.toLowerCase(), row]));
const byField = new Map(
  rows.flatMap((row) => (row.datastore === undefined ? [] : [[row.datastore, row] as const])),
);

const prefix = 'felix_';

/** See the file's comment. */
export function resolveConfig(input: ConfigInput): ResolvedConfig {
  const warnings: string[] = [];
  const errors: string[] = [];
  const values: Record<string, unknown> = {};
  const origins: Record<string, ConfigSource> = {};
  const texts: Record<string, string> = {};
  for (const row of rows) {
    values[row.name] = defaultOf(row);
    origins[row.name] = 'default';
  }
  for (const source of configSources) {
    if (source === 'default') continue;
    const given = source === 'environment' ? fromEnvironment(input.environment ?? {}) : (input[source] ?? {});
    const fromDatastore = source === 'global' || source === 'selected' || source === 'node';
    for (const [key, original] of Object.entries(given)) {
      const row = (fromDatastore ? byField.get(key) : undefined) ?? byName.get(key.toLowerCase());
      const text = original.trim();
      if (text === '') continue;
      if (!row) {
        texts[key] = text;
        continue;
      }
      if (fromDatastore && row.localOnly) {
        warnings.push(
          `${row.name} is taken from environment and file only; the one in the datastore is ignored`,
        );
        continue;
      }
      const outcome = interpret(row, fromDatastore ? withoutUnit(row, text) : text, input.pathExists);
      if (!outcome.ok) {
        const message = `${row.name}=${JSON.stringify(text)} (${source}): ${outcome.reason}`;
        if (outcome.fatal) {
          errors.push(message);
          continue;
        }
        warnings.push(`${message}; using the default ${JSON.stringify(row.default)}`);
      }
      values[row.name] = outcome.ok ? outcome.value : defaultOf(row);
      origins[row.name] = source;
      texts[row.name] = text;
    }
  }
  return {
    config: values as unknown as FelixConfig,
    origins: origins as Record<ParameterName, ConfigSource>,
    texts,
    warnings,
    errors,
  };
}

/** Parameters whose change needs no restart. */
const liveParameters: ReadonlySet<string> = new Set([
  'HealthTimeoutOverrides',
  'CalicoVersion',
  'ClusterGUID',
  'ClusterType',
]);

/** Names of the parameters that differ and need a restart (upstream: exit code 129). */
export function restartReasons(before: ResolvedConfig, after: ResolvedConfig): readonly string[] {
  const names = new Set([...Object.keys(before.texts), ...Object.keys(after.texts)]);
  return [...names]
    .filter((name) => before.texts[name] !== after.texts[name] && !liveParameters.has(name))
    .sort();
}

/** Reads `/etc/calico/felix.cfg`: `key = value` below any section; `#` and `;` begin comments. */
export function parseConfigFile(text: string): ConfigTexts {
  const texts: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z0-9_]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined) texts[match[1]] = match[2] ?? '';
  }
  return texts;
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): ConfigTexts {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && name.toLowerCase().startsWith(prefix))
      texts[name.slice(prefix.length)] = value;
  }
  return texts;
}

type Interpreted =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string; readonly fatal: boolean };

function interpret(row: ParameterRow, text: string, pathExists?: (path: string) => boolean): Interpreted {
  if (text.toLowerCase() === 'none') {
    // Choices that list None keep it as a choice; for the others it means the zero value.
    const choice = parseValue(row, text);
    if (row.type === 'oneof' && choice.ok) return choice;
    if (row.nonZero) return { ok: false, reason: 'Value "none" is not allowed', fatal: true };
    return { ok: true, value: zeroValue(row.type) };
  }
  const parsed = parseValue(row, text);
  const missing =
    row.type === 'file' && row.typeParams?.includes('must-exist') && pathExists && !pathExists(text);
  if (parsed.ok && !missing) return parsed;
  const reason = parsed.ok ? 'the file does not exist' : parsed.reason;
  return { ok: false, reason, fatal: row.onParseFailure === 'exit' };
}

function defaultOf(row: ParameterRow): unknown {
  if (row.default === '') return zeroValue(row.type);
  const parsed = parseValue(row, row.default);
  return parsed.ok ? parsed.value : row.default;
}

/** A duration of a resource (`90s`) as the number that the parameter is in. */
function withoutUnit(row: ParameterRow, text: string): string {
  if (row.type !== 'seconds' && row.type !== 'millis') return text;
  const milliseconds = parseGoDuration(text);
  if (milliseconds === undefined) return text;
  return String(row.type === 'seconds' ? milliseconds / 1000 : milliseconds);
}
