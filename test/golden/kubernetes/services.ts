/** Replays what confd announces for services: after each step the static routes of every node. */
import { BgpCluster, compileBird, PeeringGraph } from '../../../src/bgp/index.ts';
import {
  type Datastore,
  formatJson,
  type Json,
  KubernetesDatastore,
  keyOfPath,
  MemoryKv,
  memoryDatastore,
  type Query,
} from '../../../src/datastore/index.ts';
import { FakeApi, KubernetesClient } from '../../../src/kubernetes-api/index.ts';
import type { Outcome } from '../corpus.ts';
import { type Deed, perform } from './deeds.ts';

interface Family {
  readonly announces: readonly string[];
}

type After = Readonly<Record<string, Readonly<Record<string, Family | 'unchanged' | null>>>>;

interface ServiceStep {
  readonly kubernetes?: readonly Deed[];
  readonly put?: Readonly<Record<string, Json>>;
  readonly delete?: readonly string[];
  readonly confd?: Readonly<Record<string, string | null>>;
  readonly api?: unknown;
  readonly kcm?: unknown;
  readonly after?: After | 'unchanged';
}

const headings: Readonly<Record<string, string>> = {
  'env-cluster-ips': 'CALICO_ADVERTISE_CLUSTER_IPS holds whether or not there is an API server',
  'slice-deleted': 'Services are judged by all of their slices',
  'local-endpoints-change': 'Services are judged by all of their slices',
  'dual-stack': 'Services are judged by all of their slices',
};

const unreplayed: Readonly<Record<string, string>> = {
  'real-slices': 'needs the endpoint slice controller',
  'api-outage': 'needs a server that goes away',
  'no-kubeconfig': 'needs a process without a kubeconfig',
  'env-cluster-ips-no-api': 'needs a process without an API server',
};

/** See the module's comment. */
export async function replayServices(recording: {
  readonly scenario: string;
  readonly steps: readonly ServiceStep[];
}): Promise<Outcome> {
  const why = unreplayed[recording.scenario];
  if (why !== undefined) return { result: 'open', why };
  const api = new FakeApi();
  const kv = new MemoryKv();
  const calico = memoryDatastore(kv);
  const kubernetes = new KubernetesDatastore(new KubernetesClient(api));
  let env: Readonly<Record<string, string | null>> = {};
  const recorded = new Map<string, string>();
  const differences: string[] = [];
  for (const [i, step] of recording.steps.entries()) {
    for (const deed of step.kubernetes ?? []) await perform(api, deed);
    for (const [path, value] of Object.entries(step.put ?? {}))
      await kv.put(path, new TextEncoder().encode(formatJson(value)));
    for (const path of step.delete ?? []) await calico.delete(keyOfPath(path));
    env = step.confd ?? env;
    if (!step.after) continue;
    const here = await routesOf(calico, kubernetes, env);
    for (const [node, families] of Object.entries(step.after === 'unchanged' ? {} : step.after)) {
      if (typeof families !== 'object' || families === null) continue;
      for (const [family, value] of Object.entries(families)) {
        if (value && value !== 'unchanged')
          recorded.set(`${node} ${family}`, [...value.announces].sort().join(' '));
      }
    }
    for (const [key, wanted] of recorded) {
      const got = here.get(key) ?? '';
      if (got !== wanted) differences.push(`[${i}] ${key}\n  recorded: ${wanted}\n  here:     ${got}`);
    }
  }
  if (differences.length === 0) return { result: 'agree' };
  const diff = differences.join('\n');
  const reason = headings[recording.scenario];
  return reason === undefined ? { result: 'differ', diff } : { result: 'accepted', reason, diff };
}

async function routesOf(
  calico: Datastore,
  kubernetes: Datastore,
  env: Readonly<Record<string, string | null>>,
): Promise<ReadonlyMap<string, string>> {
  const cluster = new BgpCluster();
  const take = async (store: Datastore, kinds: readonly string[]) => {
    for (const kind of kinds) {
      const query: Query = { type: 'resource', kind };
      for (const kv of (await store.list(query)).items) cluster.apply({ type: 'put', kv });
    }
  };
  await take(calico, ['Node', 'BGPConfiguration', 'BGPPeer', 'IPPool']);
  await take(kubernetes, ['Service', 'EndpointSlice']);
  const graph = new PeeringGraph(cluster);
  const routes = new Map<string, string>();
  const clusterIPs = env['CALICO_ADVERTISE_CLUSTER_IPS']?.split(',');
  for (const name of cluster.nodes.keys()) {
    const { config } = compileBird(cluster, graph.of(name), {
      routerId: undefined,
      clusterIPs,
      nodeRef: name,
      workloadInterfaces: ['cali'],
      password: () => undefined,
    });
    for (const { version, statics } of config.families) {
      const announced = statics.map(({ cidr }) => cidr);
      routes.set(`${name} ipv${version}`, announced.sort().join(' '));
    }
  }
  return routes;
}
