/**
 * IP sets of services, from EndpointSlices. Upstream source: felix/calc/../serviceindex.
 *
 * `svc:` sets hold address, protocol and port of every endpoint; `svcnoport:` sets the addresses.
 */
import type { Resource } from '../../resources/resource.ts';
import { protocolName } from '../model/protocol.ts';
import type { IpSetKind } from '../program.ts';
import { CountedSet } from './counted-set.ts';
import { type IpSetChanges, uniqueId } from './ip-set-index.ts';

interface Slice {
  readonly endpoints?: readonly { readonly addresses?: readonly string[] }[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number | null }[] | null;
}

interface ServiceSet {
  readonly id: string;
  readonly kind: IpSetKind;
  readonly service: string;
  readonly members: CountedSet;
  references: number;
}

/** Sets of services that rules refer to. */
export class ServiceSets {
  readonly #slices = new Map<string, Map<string, Slice>>();
  readonly #serviceOf = new Map<string, string>();
  readonly #sets = new Map<string, ServiceSet>();
  readonly #fresh = new Set<string>();
  readonly #changed = new Set<string>();

  /** Adds, replaces or (with `undefined`) deletes an EndpointSlice. */
  setSlice(key: string, resource: Resource | undefined): void {
    const old = this.#serviceOf.get(key);
    if (old !== undefined) {
      this.#contribute(old, this.#slices.get(old)?.get(key), -1);
      this.#slices.get(old)?.delete(key);
      this.#serviceOf.delete(key);
    }
    const service = resource?.metadata.labels?.['kubernetes.io/service-name'];
    if (!resource || service === undefined) return;
    const name = `${resource.metadata.namespace ?? ''}/${service}`;
    // Kubernetes' own kind has its fields at the top; a spec is what a datastore driver may have made of it.
    const slice = (resource['endpoints'] === undefined ? resource.spec : resource) as Slice;
    const slices = this.#slices.get(name) ?? new Map<string, Slice>();
    this.#slices.set(name, slices.set(key, slice));
    this.#serviceOf.set(key, name);
    this.#contribute(name, slice, 1);
  }

  /** Claims the set of a service, with or without its ports. */
  acquire(namespace: string, name: string, withPorts: boolean): string {
    const service = `${namespace}/${name}`;
    const id = uniqueId(withPorts ? 'svc' : 'svcnoport', service);
    const existing = this.#sets.get(id);
    if (existing) existing.references++;
    else {
      const kind = withPorts ? 'ip-port' : 'net';
      const set: ServiceSet = { id, kind, service, members: new CountedSet(), references: 1 };
      this.#sets.set(id, set);
      this.#fresh.add(id);
      for (const slice of this.#slices.get(service)?.values() ?? []) count(set, slice, 1);
    }
    return id;
  }

  /** Gives up a claim. */
  release(id: string): void {
    const set = this.#sets.get(id);
    if (set) set.references--;
  }

  get(id: string): ServiceSet | undefined {
    return this.#sets.get(id);
  }

  /** What changed since the last call. */
  takeChanges(): IpSetChanges {
    const removed: string[] = [];
    for (const set of this.#sets.values()) {
      if (set.references > 0) continue;
      this.#sets.delete(set.id);
      this.#changed.delete(set.id);
      if (!this.#fresh.delete(set.id)) removed.push(set.id);
    }
    const deltas: { id: string; added: readonly string[]; removed: readonly string[] }[] = [];
    for (const id of this.#changed) {
      const delta = this.#sets.get(id)!.members.takeDelta();
      if (!this.#fresh.has(id) && delta.added.length + delta.removed.length > 0)
        deltas.push({ id, ...delta });
    }
    const added = [...this.#fresh];
    for (const id of added) this.#sets.get(id)!.members.takeDelta();
    this.#fresh.clear();
    this.#changed.clear();
    return { added, removed, deltas };
  }

  #contribute(service: string, slice: Slice | undefined, change: 1 | -1): void {
    if (!slice) return;
    for (const prefix of ['svc', 'svcnoport']) {
      const set = this.#sets.get(uniqueId(prefix, service));
      if (!set) continue;
      count(set, slice, change);
      this.#changed.add(set.id);
    }
  }
}

function count(set: ServiceSet, slice: Slice, change: 1 | -1): void {
  for (const endpoint of slice.endpoints ?? []) {
    for (const address of endpoint.addresses ?? []) {
      if (set.kind === 'net') set.members.count(address, change);
      else {
        for (const { protocol, port } of slice.ports ?? []) {
          if (port) set.members.count(`${address},${protocolName(protocol ?? 'TCP')}:${port}`, change);
        }
      }
    }
  }
}
