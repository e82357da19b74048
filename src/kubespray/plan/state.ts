/** A network as far as two of them are compared: made from a plan, or from what a datastore holds. */
import { hasKind, type Resource } from '../../resources/index.ts';
import type { ClusterPlan, HostPlan, PoolPlan, SessionPlan } from '../cluster-plan.ts';
import { planSessions } from '../derive/sessions.ts';

/** What a comparison needs of a host. */
export type StateHost = Pick<
  HostPlan,
  | 'name'
  | 'nodeName'
  | 'address'
  | 'asNumber'
  | 'clusterId'
  | 'labels'
  | 'runsNode'
  | 'runsPods'
  | 'isRouteReflector'
  | 'environment'
>;

/** A network. */
export interface NetworkState {
  readonly origin: 'inventory' | 'datastore';
  readonly backend: 'bird' | 'vxlan' | 'none';
  readonly mesh: boolean;
  readonly globalAs: number;
  readonly datastore: string;
  readonly pools: readonly PoolPlan[];
  readonly hosts: readonly StateHost[];
  readonly peers: readonly Resource[];
  readonly sessions: readonly SessionPlan[];
  /** Every object, with everything that other writers put there. */
  readonly resources: readonly Resource[];
}

/** The state that a plan asks for. */
export function stateOfPlan(plan: ClusterPlan): NetworkState {
  const resources = new Map<string, Resource>();
  for (const { resource } of plan.resources) {
    const key = `${resource.kind} ${resource.metadata.name}`;
    const before = resources.get(key);
    resources.set(key, before ? mergeResources(before, resource) : resource);
  }
  const all = [...resources.values()];
  return {
    origin: 'inventory',
    backend: plan.backend,
    mesh: plan.nodeToNodeMesh,
    globalAs: plan.globalAsNumber,
    datastore: plan.datastore,
    pools: plan.pools,
    hosts: plan.hosts,
    peers: all.filter((one) => one.kind === 'BGPPeer'),
    sessions: plan.sessions,
    resources: all,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mergeFields(low: Fields, high: Fields): Fields {
  const result: Record<string, unknown> = { ...low };
  for (const [name, value] of Object.entries(high)) {
    const before = result[name];
    result[name] = isFields(before) && isFields(value) ? mergeFields(before, value) : value;
  }
  return result;
}

/** An object with the fields of another put into it. */
export function mergeResources(before: Resource, after: Resource): Resource {
  const labels = { ...before.metadata.labels, ...after.metadata.labels };
  return {
    ...before,
    metadata: { ...before.metadata, ...(Object.keys(labels).length > 0 ? { labels } : {}) },
    spec: mergeFields(before.spec, after.spec),
  };
}

/** The state that a datastore holds. */
export function stateOfResources(resources: readonly Resource[]): NetworkState {
  const config = resources.find((one) => one.kind === 'BGPConfiguration' && one.metadata.name === 'default');
  const globalAs = Number(config?.spec['asNumber'] ?? 64_512);
  const mesh = config?.spec['nodeToNodeMeshEnabled'] !== false;
  const pools: PoolPlan[] = [];
  const hosts: StateHost[] = [];
  for (const one of resources) {
    if (hasKind(one, 'IPPool')) {
      const spec: Fields = { ...one.spec };
      pools.push({
        name: one.metadata.name,
        cidr: String(spec['cidr'] ?? ''),
        blockSize: Number(spec['blockSize'] ?? 26),
        ipipMode: modeOf(spec['ipipMode']),
        vxlanMode: modeOf(spec['vxlanMode']),
        natOutgoing: spec['natOutgoing'] === true,
      });
    }
    if (one.kind === 'Node') {
      const bgp = isFields(one.spec['bgp']) ? one.spec['bgp'] : {};
      const own = bgp['asNumber'];
      const clusterId = bgp['routeReflectorClusterID'];
      hosts.push({
        name: one.metadata.name,
        nodeName: one.metadata.name,
        address: String(bgp['ipv4Address'] ?? '').split('/')[0] ?? '',
        asNumber: own === undefined ? globalAs : Number(own),
        clusterId: typeof clusterId === 'string' && clusterId !== '' ? clusterId : null,
        labels: one.metadata.labels ?? {},
        runsNode: true,
        runsPods: true,
        isRouteReflector: typeof clusterId === 'string' && clusterId !== '',
        environment: [],
      });
    }
  }
  const peers = resources.filter((one) => one.kind === 'BGPPeer');
  return {
    origin: 'datastore',
    backend: 'bird',
    mesh,
    globalAs,
    datastore: '',
    pools,
    hosts,
    peers,
    sessions: planSessions({ backend: 'bird', mesh }, hosts, peers).sessions,
    resources,
  };
}

function modeOf(value: unknown): PoolPlan['ipipMode'] {
  return value === 'Always' || value === 'CrossSubnet' ? value : 'Never';
}
