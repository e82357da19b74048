/** Our configuration of a recorded case. */
import {
  BgpCluster,
  type BirdConfig,
  compileBird,
  type NodePeering,
  PeeringGraph,
  type Problem,
} from '../../../src/bgp/index.ts';
import type { Key, Value } from '../../../src/datastore/port.ts';
import type { RecordedCase, RecordedResource } from './recorded.ts';

/** What we make of a node. */
export interface OurNode {
  readonly peering: NodePeering;
  readonly config: BirdConfig;
  readonly problems: readonly Problem[];
}

/** The state of a case. */
export function clusterOf(recorded: RecordedCase): BgpCluster {
  const cluster = new BgpCluster();
  const put = (key: Key, value: unknown) =>
    cluster.apply({ type: 'put', kv: { key, value: value as Value, revision: '1' } });
  const resource = (one: RecordedResource) =>
    put(
      {
        type: 'resource',
        kind: one.kind,
        name: one.metadata.name,
        ...(one.metadata.namespace !== undefined && { namespace: one.metadata.namespace }),
      },
      one,
    );
  const refused = new Set(recorded.refusedByCalicoctl?.map(({ kind, name }) => `${kind} ${name}`));
  const { input } = recorded;
  for (const one of input.resources ?? []) {
    if (!refused.has(`${one.kind} ${one.metadata.name}`)) resource(one);
  }
  for (const [kind, name] of input.delete ?? []) {
    const deleted = input.resources?.find(
      (one) => one.kind.toLowerCase() === kind && one.metadata.name === name,
    );
    if (deleted) cluster.apply({ type: 'delete', key: { type: 'resource', kind: deleted.kind, name } });
  }
  for (const [host, blocks] of Object.entries(input.blocks ?? {})) {
    for (const block of blocks) {
      const { cidr, value } =
        typeof block === 'string' ? { cidr: block, value: { state: 'confirmed' } } : block;
      put({ type: 'affinity', host, cidr }, value);
    }
  }
  for (const one of input.kubernetes?.services ?? []) resource(one);
  for (const one of input.kubernetes?.endpointslices ?? []) resource(one);
  return cluster;
}

/** Our configuration of every node of a case. */
export function ourNodes(recorded: RecordedCase): ReadonlyMap<string, OurNode> {
  const cluster = clusterOf(recorded);
  const graph = new PeeringGraph(cluster);
  const { input } = recorded;
  const secrets = new Map(input.kubernetes?.secrets?.map((one) => [one.metadata.name, one.data]));
  const nodes = new Map<string, OurNode>();
  for (const name of cluster.nodes.keys()) {
    const env: Readonly<Record<string, string>> = { ...input.env, ...input.nodeEnv?.[name] };
    const peering = graph.of(name);
    const { config, problems } = compileBird(cluster, peering, {
      routerId: env['CALICO_ROUTER_ID'],
      clusterIPs: env['CALICO_ADVERTISE_CLUSTER_IPS']?.split(','),
      nodeRef: env['CALICO_K8S_NODE_REF'],
      workloadInterfaces: ['cali'],
      password: ({ name: secret, key }) => {
        const encoded = secrets.get(secret)?.[key];
        return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
      },
    });
    nodes.set(name, { peering, config, problems: [...cluster.problems, ...peering.problems, ...problems] });
  }
  return nodes;
}
