/** The reference page of all variables, made from the table. */
import { text } from '../values/value.ts';
import { variableTable } from './index.ts';
import type { VariableSpec } from './variable.ts';

const cell = (value: string) => value.replaceAll('|', '\\|');

function defaults(spec: VariableSpec): string {
  if (spec.defaults.length === 0) return '–';
  return spec.defaults
    .map(([since, value], at) => {
      const written = value === '' ? '`""`' : `\`${text(value)}\``;
      return at === 0 && since === (spec.since ?? '2.14') ? written : `${written} from ${since}`;
    })
    .join(', ');
}

function notes(spec: VariableSpec): string {
  const result = [spec.doc];
  if (spec.since !== undefined) result.push(`From ${spec.since}.`);
  if (spec.until !== undefined) result.push(`Up to ${spec.until}.`);
  if (spec.message !== undefined) result.push(`Check: "${spec.message}".`);
  if (spec.unused !== undefined) result.push(`(Read for ${spec.unused}; does not change the network.)`);
  return result.join(' ');
}

const scopes = { cluster: 'cluster', play: 'play', host: 'host', reflector: 'reflector' } as const;

/** The page, in Markdown. */
export function variablesPage(): string {
  const rows = [...variableTable]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      (spec) =>
        `| \`${spec.name}\` | ${spec.type} | ${cell(defaults(spec))} | ${spec.allowed ? spec.allowed.map((one) => `\`${one}\``).join(' ') : ''} | ${scopes[spec.scope]} | ${cell(spec.effect)} | ${cell(notes(spec))} |`,
    );
  return `# Variables

Every variable of a Kubespray inventory that describes the Calico network. This page is made from the table in
\`src/kubespray/variables\` (\`calico plan --variables\` prints it); a test keeps it equal.

Whose value counts: *cluster*, the first control-plane host's for the whole cluster; *host*, each host's own;
*reflector*, each route reflector's own.

| variable | type | default | values | scope | becomes | |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}
