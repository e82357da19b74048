/** The network as the converted data describes it, read as a v3 cluster reads its datastore. */
import { type KeyValue, MemoryKv, memoryDatastore, type Query } from '../../datastore/index.ts';
import type { Datastore } from '../../datastore/port.ts';
import {
  type Packet,
  PolicyGraph,
  policyVerdict,
  SetLookup,
  type WorkloadProgram,
} from '../../policy/index.ts';
import type { Resource } from '../../resources/index.ts';
import type { TracedVerdict } from './v2-network.ts';

/** A workload endpoint of v3. */
export interface V3Endpoint {
  /** `namespace/name`. */
  readonly name: string;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly resource: Resource;
}

interface Host {
  readonly graph: PolicyGraph;
  readonly sets: SetLookup;
  readonly workloads: ReadonlyMap<string, WorkloadProgram>;
}

const kinds = [
  'ClusterInformation',
  'FelixConfiguration',
  'BGPConfiguration',
  'GlobalNetworkPolicy',
  'Profile',
  'Node',
  'IPPool',
  'HostEndpoint',
  'WorkloadEndpoint',
];

/** See the file's comment. Made by {@link openV3}. */
export class V3Network {
  readonly store: Datastore;
  readonly endpoints: readonly V3Endpoint[];
  readonly problems: string[] = [];
  readonly #items: readonly KeyValue[];
  readonly #hosts = new Map<string, Host>();

  constructor(store: Datastore, items: readonly KeyValue[]) {
    this.store = store;
    this.#items = items;
    this.endpoints = items.flatMap(({ key, value }) => {
      if (key.type !== 'resource' || key.kind !== 'WorkloadEndpoint') return [];
      const resource = value as Resource;
      const nets = (resource.spec['ipNetworks'] as readonly string[] | undefined) ?? [];
      return [
        {
          name: `${resource.metadata.namespace}/${resource.metadata.name}`,
          node: String(resource.spec['node']),
          addresses: nets.map((net) => net.split('/')[0]!),
          resource,
        },
      ];
    });
  }

  /** What an endpoint's policies and profiles say of a packet. */
  verdict(endpoint: V3Endpoint, direction: 'ingress' | 'egress', packet: Packet): TracedVerdict {
    const { graph, sets, workloads } = this.#host(endpoint.node);
    const program = workloads.get(endpoint.addresses[0]!);
    if (!program) return { allowed: false, by: `node ${endpoint.node} has no program for it` };
    const { tiers, profiles } = program;
    const { verdict, steps } = policyVerdict(
      graph,
      sets,
      { type: 'normal', direction, tiers, profiles },
      packet,
    );
    const last = steps.at(-1);
    const by =
      last?.end === 'tier'
        ? `no rule of ${steps.flatMap(({ policy }) => policy ?? []).join(', ')} (end of tier ${last.tier})`
        : last?.end !== undefined
          ? `no rule of its profiles (${profiles.join(', ') || 'it has none'})`
          : `${last?.policy ?? `profile ${last?.profile}`}, ${direction}[${last?.rule}]`;
    return { allowed: verdict === 'allow', by };
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known) return known;
    const graph = new PolicyGraph({
      hostname: name,
      onInvalid: (object, reason) => {
        const text = `${object} cannot be used: ${reason}`;
        if (!this.problems.includes(text)) this.problems.push(text);
      },
    });
    graph.onUpdates(this.#items.map((kv) => ({ type: 'put', kv })));
    graph.onStatus('in-sync');
    graph.flush();
    const workloads = new Map(
      [...graph.entries('workload').values()].flatMap((one) =>
        [...one.ipv4Nets, ...one.ipv6Nets].map((net) => [net.split('/')[0]!, one] as const),
      ),
    );
    const host = { graph, sets: new SetLookup(graph), workloads };
    this.#hosts.set(name, host);
    return host;
  }
}

/** Stores the items in memory and reads them back as an agent does. */
export async function openV3(items: ReadonlyMap<string, unknown>): Promise<V3Network> {
  const kv = new MemoryKv();
  for (const [key, value] of items) await kv.put(key, Buffer.from(JSON.stringify(value)));
  const store = memoryDatastore(kv);
  const queries: Query[] = [...kinds.map((kind) => ({ type: 'resource' as const, kind })), { type: 'block' }];
  const found = await Promise.all(queries.map((query) => store.list(query)));
  return new V3Network(
    store,
    found.flatMap((one) => one.items),
  );
}
