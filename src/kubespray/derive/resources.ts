/**
 * The writes to the datastore, in Kubespray's order and in the safe one.
 * Upstream: kubernetes-sigs/kubespray: roles/network_plugin/calico/{tasks/install.yml,rr/tasks}.
 */
import { apiVersion, type Resource } from '../../resources/index.ts';
import type { HostPlan, ResourceStep } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import type { ClusterView } from './cluster-view.ts';
import { pastedBoolean, wholeNumber } from './numbers.ts';
import { type PeerEntry, peerName, peersInOrder, peersOf } from './peers.ts';
import type { ClusterSettings } from './settings.ts';

const isReflector = 'has(i-am-a-route-reflector)';

type Spec = Readonly<Record<string, unknown>>;

function resource(
  kind: string,
  name: string,
  spec: Spec,
  labels?: Readonly<Record<string, string>>,
): Resource {
  return { apiVersion, kind, metadata: labels ? { name, labels } : { name }, spec };
}

const step = (how: ResourceStep['how'], one: Resource, reason: string): ResourceStep => ({
  how,
  resource: one,
  reason,
});

/** What Kubespray writes, in its order. */
export function resourceSteps(
  view: ClusterView,
  settings: ClusterSettings,
  hosts: readonly HostPlan[],
): readonly ResourceStep[] {
  const steps: ResourceStep[] = [];
  if (view.since('2.19')) steps.push(felixConfiguration(view, settings));
  for (const pool of settings.pools) {
    const { name, ...spec } = pool;
    steps.push(step('create', resource('IPPool', name, spec), 'addresses of pods'));
  }
  steps.push(bgpConfiguration(view, settings));
  steps.push(...peerSteps(view, settings, hosts));
  for (const host of hosts) {
    const { 'i-am-a-route-reflector': reflects, ...labels } = host.labels;
    if (host.isRouteReflector && host.clusterId !== null) {
      const spec = { bgp: { routeReflectorClusterID: host.clusterId } };
      steps.push(step('merge', resource('Node', host.nodeName, spec), `${host.name} reflects routes`));
      if (reflects !== undefined)
        steps.push(
          step(
            'label',
            resource('Node', host.nodeName, {}, { 'i-am-a-route-reflector': reflects }),
            'the peers select it',
          ),
        );
    }
    if (Object.keys(labels).length > 0)
      steps.push(step('label', resource('Node', host.nodeName, {}, labels), 'the peers select it'));
  }
  const ipam = ipamConfig(view);
  if (ipam) steps.push(ipam);
  return steps;
}

/**
 * The same writes so that no intermediate state loses a session that is needed: AS numbers, then peers, then the labels
 * by which peers select reflectors, then the cluster ids (a node with one leaves the mesh), and the BGPConfiguration,
 * which may switch the mesh off, last.
 */
export function safeOrder(steps: readonly ResourceStep[]): readonly ResourceStep[] {
  return steps
    .map((one, index) => ({ one, index, rank: rankOf(one) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ one }) => one);
}

function rankOf({ how, resource: { kind, spec } }: ResourceStep): number {
  if (kind === 'BGPConfiguration') return 5;
  if (kind === 'BGPPeer') return 2;
  if (kind !== 'Node') return 0;
  if (how === 'label') return 3;
  return JSON.stringify(spec).includes('routeReflectorClusterID') ? 4 : 1;
}

function felixConfiguration(view: ClusterView, settings: ClusterSettings): ResourceStep {
  const first = view.first();
  const get = (name: string) => view.text(first, name) ?? '';
  const any = (field: 'ipipMode' | 'vxlanMode') => settings.pools.some((pool) => pool[field] !== 'Never');
  const spec = {
    ipipEnabled: any('ipipMode'),
    reportingInterval: get('calico_felix_reporting_interval'),
    bpfLogLevel: get('calico_bpf_log_level'),
    bpfEnabled: pastedBoolean(view.value(first, 'calico_bpf_enabled')),
    bpfExternalServiceMode: get('calico_bpf_service_mode'),
    wireguardEnabled: pastedBoolean(view.value(first, 'calico_wireguard_enabled')),
    logSeverityScreen: get('calico_felix_log_severity_screen'),
    vxlanEnabled: any('vxlanMode'),
    featureDetectOverride: get('calico_feature_detect_override'),
    ...(view.since('2.25') ? { floatingIPs: get('calico_felix_floating_ips') } : {}),
  };
  return step('apply', resource('FelixConfiguration', 'default', spec), 'settings of the agent');
}

function bgpConfiguration(view: ClusterView, settings: ClusterSettings): ResourceStep {
  const first = view.first();
  const port = wholeNumber(view.value(first, 'calico_bgp_listen_port'));
  const { clusterIPs, externalIPs, loadBalancerIPs } = settings.advertised;
  const cidrs = (list: readonly string[]) => list.map((cidr) => ({ cidr }));
  const spec = {
    ...(view.since('2.16') && port !== undefined ? { listenPort: port } : {}),
    logSeverityScreen: 'Info',
    ...(settings.writeGlobalAs ? { asNumber: settings.globalAs } : {}),
    nodeToNodeMeshEnabled: settings.mesh,
    ...(view.since('2.15') && clusterIPs.length > 0 ? { serviceClusterIPs: cidrs(clusterIPs) } : {}),
    ...(externalIPs.length > 0 ? { serviceExternalIPs: cidrs(externalIPs) } : {}),
    ...(loadBalancerIPs.length > 0 ? { serviceLoadBalancerIPs: cidrs(loadBalancerIPs) } : {}),
  };
  const reason = settings.mesh
    ? 'every node peers with every node'
    : 'no mesh: the peers below carry the routes';
  return step('apply', resource('BGPConfiguration', 'default', spec), reason);
}

/** A BGPPeer for one entry; undefined where the entry cannot make one. */
function peerResource(
  view: ClusterView,
  prefix: string,
  entry: PeerEntry,
  node: string | undefined,
): Resource | undefined {
  if (entry.address === undefined || entry.as?.kind !== 'number') return undefined;
  const nodeScope = node !== undefined;
  const spec = {
    ...(nodeScope ? { node } : {}),
    peerIP: entry.address,
    asNumber: entry.as.number,
    ...(nodeScope && view.since('2.18') ? { sourceAddress: entry.sourceAddress ?? 'UseNodeIP' } : {}),
    ...(nodeScope && view.since('2.25') && entry.filters.length > 0 ? { filters: entry.filters } : {}),
    ...(nodeScope && view.since('2.27') && entry.allowedLocalAs !== undefined
      ? { numAllowedLocalASNumbers: entry.allowedLocalAs }
      : {}),
  };
  return resource('BGPPeer', peerName(view, prefix, entry), spec);
}

/** Peers and AS numbers of nodes, in Kubespray's order. */
function peerSteps(
  view: ClusterView,
  settings: ClusterSettings,
  hosts: readonly HostPlan[],
): readonly ResourceStep[] {
  const steps: ResourceStep[] = [];
  const first = view.first();
  if (first && view.flag(first, 'peer_with_router')) {
    for (const entry of peersInOrder(peersOf(view, first) ?? [], 'global')) {
      const peer = peerResource(view, 'global', entry, undefined);
      if (peer) steps.push(step('apply', peer, `every node peers with ${entry.address}`));
    }
  }
  if (settings.reflectors) steps.push(...reflectorPeers(view));
  for (const host of hosts) {
    if (host.nodeAsNumber === null) continue;
    const spec = {
      bgp: { asNumber: host.nodeAsNumber },
      orchRefs: [{ nodeName: host.nodeName, orchestrator: 'k8s' }],
    };
    steps.push(step('merge', resource('Node', host.nodeName, spec), `AS number of ${host.name}`));
  }
  for (const host of view.cluster()) {
    if (!view.flag(host, 'peer_with_router')) continue;
    for (const entry of peersInOrder(peersOf(view, host) ?? [], 'node')) {
      const peer = peerResource(view, host.name, entry, host.name);
      if (peer) steps.push(step('apply', peer, `${host.name} peers with ${entry.address}`));
    }
  }
  return steps;
}

/** `peer-to-rrs`, `rr-mesh`, and one peer per group of reflectors. */
function reflectorPeers(view: ClusterView): readonly ResourceStep[] {
  const steps: ResourceStep[] = [];
  const first = view.first();
  const grouped = (host: Host | undefined) =>
    view.text(host, 'calico_rr_id') !== undefined && view.text(host, 'calico_group_id') !== undefined;
  const byGroups = view.since('2.20');
  const seen = new Set<string>();
  for (const host of byGroups ? view.group('reflector') : []) {
    if (!grouped(host)) continue;
    const [id, group] = [view.text(host, 'calico_rr_id') ?? '', view.text(host, 'calico_group_id') ?? ''];
    if (seen.has(id)) continue;
    seen.add(id);
    steps.push(
      step(
        'apply',
        resource('BGPPeer', `${id}-to-node`, {
          peerSelector: `calico-rr-id == '${id}'`,
          nodeSelector: `calico-group-id == '${group}'`,
        }),
        `nodes of group ${group} peer with reflectors ${id}`,
      ),
    );
  }
  if (!byGroups || !grouped(first))
    steps.push(
      step(
        'apply',
        resource('BGPPeer', 'peer-to-rrs', { nodeSelector: `!${isReflector}`, peerSelector: isReflector }),
        'every node peers with every reflector',
      ),
    );
  steps.push(
    step(
      'apply',
      resource('BGPPeer', 'rr-mesh', { nodeSelector: isReflector, peerSelector: isReflector }),
      'reflectors peer with each other',
    ),
  );
  return steps;
}

function ipamConfig(view: ClusterView): ResourceStep | undefined {
  if (!view.since('2.19')) return undefined;
  const first = view.first();
  const spec = {
    autoAllocateBlocks: pastedBoolean(view.value(first, 'calico_ipam_autoallocateblocks')),
    strictAffinity: pastedBoolean(view.value(first, 'calico_ipam_strictaffinity')),
    maxBlocksPerHost: wholeNumber(view.value(first, 'calico_ipam_maxblocksperhost')) ?? 0,
  };
  return step('apply', resource('IPAMConfig', 'default', spec), 'how hosts claim addresses');
}
