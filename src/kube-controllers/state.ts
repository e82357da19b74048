/** What the controllers compare: objects of Kubernetes as the Kubernetes driver reads them, and those of Calico. */
import {
  type Key,
  type KeyValue,
  pathOfKey,
  type Query,
  type SyncUpdate,
  type Value,
} from '../datastore/index.ts';
import type { Resource } from '../resources/resource.ts';

/** A stored resource. */
export interface Stored {
  readonly key: Extract<Key, { readonly type: 'resource' }>;
  readonly resource: Resource;
  readonly revision: string;
}

/** Objects by kind, then by path. */
export class Objects {
  readonly #kinds = new Map<string, Map<string, Stored>>();

  /** All of a kind. */
  of(kind: string): readonly Stored[] {
    return [...(this.#kinds.get(kind)?.values() ?? [])];
  }

  /** One object. */
  get(kind: string, name: string, namespace?: string): Stored | undefined {
    const key = { type: 'resource', kind, name, ...(namespace === undefined ? {} : { namespace }) } as const;
    return this.#kinds.get(kind)?.get(pathOfKey(key));
  }

  /** Takes over a change; keys that are no resources are ignored. */
  apply(update: SyncUpdate): void {
    const key = update.type === 'put' ? update.kv.key : update.key;
    if (key.type !== 'resource') return;
    const objects = this.#kinds.get(key.kind) ?? new Map<string, Stored>();
    this.#kinds.set(key.kind, objects);
    if (update.type === 'delete') objects.delete(pathOfKey(key));
    else {
      const { value, revision } = update.kv as KeyValue;
      objects.set(pathOfKey(key), { key, resource: value as Resource, revision });
    }
  }
}

/** A change that a controller wants in Calico's datastore. */
export type Write =
  | { readonly op: 'create'; readonly key: Key; readonly value: Value }
  | { readonly op: 'update'; readonly key: Key; readonly value: Value; readonly revision: string }
  | { readonly op: 'delete'; readonly key: Key; readonly revision?: string };

/** What the controllers follow in Kubernetes. */
export const kubernetesQueries: readonly Query[] = [
  'Profile',
  'KubernetesNetworkPolicy',
  'WorkloadEndpoint',
  'Node',
].map((kind) => ({ type: 'resource', kind }) as const);

/** What the controllers follow in Calico's datastore. */
export const calicoQueries: readonly Query[] = [
  'ClusterInformation',
  'KubeControllersConfiguration',
  'Profile',
  'NetworkPolicy',
  'WorkloadEndpoint',
  'Node',
  'HostEndpoint',
  'FelixConfiguration',
  'BGPConfiguration',
  'BGPPeer',
  'IPPool',
].map((kind) => ({ type: 'resource', kind }) as const);

/** Whether two values say the same: what is empty is absent, as in Go. */
export function saysTheSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item) ?? {});
  if (typeof value !== 'object' || value === null) return value === '' || value === null ? undefined : value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, canonical(member)] as const)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
