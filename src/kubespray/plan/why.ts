/** Where a value comes from: the layers that were considered, which won and which lost. */
import { CalicoError } from '../../errors.ts';
import type { ClusterView } from '../derive/cluster-view.ts';
import { showPosition } from '../inventory/index.ts';
import { repr, typeName, type Value } from '../values/value.ts';
import { defaultsOf, variableNamed } from '../variables/index.ts';

/** `HOST.VARIABLE` explained. */
export function explainVariable(view: ClusterView, question: string): string {
  const { host, variable } = split(view, question);
  const layers = view.loaded.layers(host).filter((layer) => layer.variables.has(variable));
  const lines = [`${host.name}.${variable}`];
  const resolved = view.resolve(host, variable);
  if (resolved.kind === 'value') lines.push(`  = ${repr(resolved.value)} (${typeName(resolved.value)})`);
  else lines.push(`  ${resolved.kind === 'error' ? 'error' : 'undefined'}: ${resolved.message}`);
  lines.push('', 'Considered, lowest first');
  const fallback = defaultsOf(view.release).get(variable);
  if (fallback !== undefined)
    lines.push(`  ${mark(layers.length === 0)} default of Kubespray ${view.release.name}: ${show(fallback)}`);
  for (const layer of layers) {
    const found = layer.variables.get(variable);
    if (!found) continue;
    lines.push(
      `  ${mark(layer === layers.at(-1))} ${layer.name} [${showPosition(found.position)}]: ${show(found.value)}`,
    );
  }
  if (layers.length === 0 && fallback === undefined) lines.push('    nothing sets it');
  if (layers.length > 1 && view.loaded.config.hashBehaviour === 'merge')
    lines.push('  (hash_behaviour is merge: mappings are merged, everything else is replaced)');
  const spec = variableNamed(variable);
  if (spec) lines.push('', `${spec.doc} Becomes: ${spec.effect}. ${scopeText(view, spec.scope)}`);
  return `${lines.join('\n')}\n`;
}

const mark = (wins: boolean) => (wins ? '→' : ' ');

function show(value: Value): string {
  const text = repr(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function scopeText(view: ClusterView, scope: 'cluster' | 'play' | 'host' | 'reflector'): string {
  if (scope === 'cluster')
    return `Only the value of ${view.first()?.name ?? 'the first control-plane host'} counts, for the whole cluster.`;
  if (scope === 'play') return `Only the value of ${view.playFirst()?.name ?? 'the first host'} counts.`;
  return scope === 'host' ? 'Every host has its own.' : 'Every route reflector has its own.';
}

/** Names of hosts contain dots: the longest host that fits is meant. */
function split(view: ClusterView, question: string) {
  const hosts = [...view.loaded.inventory.hosts.values()].filter((one) =>
    question.startsWith(`${one.name}.`),
  );
  const host = hosts.sort((a, b) => b.name.length - a.name.length)[0];
  const variable = host && question.slice(host.name.length + 1);
  if (!host || variable === undefined || variable === '')
    throw new CalicoError('USAGE', `--why ${question}: no host of the inventory fits`, {
      cure: 'Write HOST.VARIABLE, for example --why node3.peers.',
    });
  return { host, variable };
}
