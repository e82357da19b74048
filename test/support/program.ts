/** Resources into a host's program, for tests of what programs kernels. */
import type { SyncUpdate } from '../../src/datastore/syncer.types.ts';
import { resolveConfig } from '../../src/felix/config/index.ts';
import { type RuleSettings, ruleSettings } from '../../src/felix/render/index.ts';
import { PolicyGraph } from '../../src/policy/index.ts';
import type { Resource } from '../../src/resources/resource.ts';

/** A resource of the v3 API. */
export function resource(kind: string, name: string, spec: object, metadata: object = {}): Resource {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, ...metadata }, spec: { ...spec } };
}

/** The update that writes it. */
export function put(value: Resource): SyncUpdate {
  return { type: 'put', kv: { key: keyOf(value), value, revision: '1' } };
}

/** The update that deletes it. */
export function remove(value: Resource): SyncUpdate {
  return { type: 'delete', key: keyOf(value) };
}

function keyOf({ kind, metadata: { name, namespace } }: Resource) {
  return { type: 'resource' as const, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}

/** A graph in sync that holds the resources; nothing of it is flushed yet. */
export function graphOf(hostname: string, resources: readonly Resource[]): PolicyGraph {
  const graph = new PolicyGraph({ hostname });
  graph.onUpdates(resources.map(put));
  graph.onStatus('in-sync');
  return graph;
}

/** Settings of an agent with this environment. */
export function settingsOf(
  environment: Readonly<Record<string, string>> = {},
  dataplane: RuleSettings['dataplane'] = 'nftables',
): RuleSettings {
  return ruleSettings(resolveConfig({ environment }).config, dataplane);
}
