/** From the paths of an inventory to its plan and what is to be said about it. */
import { CalicoError } from '../errors.ts';
import { runChecks } from './checks/index.ts';
import type { ClusterPlan, Finding } from './cluster-plan.ts';
import { ClusterView } from './derive/cluster-view.ts';
import { addDerivedGroups } from './derive/derived-groups.ts';
import { clusterType, daemonEnvironment } from './derive/environment.ts';
import { type HostOptions, planHosts } from './derive/hosts.ts';
import { resourceSteps, safeOrder } from './derive/resources.ts';
import { planSessions } from './derive/sessions.ts';
import { clusterSettings } from './derive/settings.ts';
import { diskFiles, type LoadedInventory, loadInventory, type ReadOptions } from './inventory/index.ts';
import { parseRelease, type Release } from './variables/index.ts';

/** How a cluster is planned; every field has a default. */
export interface PlanOptions extends Partial<ReadOptions> {
  /** `v2.14.0` … `v2.31.0`; guessed from the names of the groups if not given. */
  readonly kubesprayRelease?: string;
  /** Client certificates towards etcd, as Kubespray makes them. Default true. */
  readonly tls?: boolean;
  /** Prefix length of the networks that hosts stand in: an inventory does not say. Default 24, and 64 for IPv6. */
  readonly subnetPrefix?: number;
  readonly subnetPrefix6?: number;
}

/** A plan with its findings. With an `error` among them the plan must not be applied. */
export interface PlanResult {
  readonly plan: ClusterPlan;
  readonly findings: readonly Finding[];
  readonly view: ClusterView;
}

const modernGroups = ['kube_control_plane', 'kube_node', 'k8s_cluster', 'calico_rr'];
const oldGroups = ['kube-master', 'kube-node', 'k8s-cluster', 'calico-rr'];

function releaseOf(
  loaded: LoadedInventory,
  given: string | undefined,
): { readonly release: Release; readonly from: ClusterPlan['releaseFrom'] } {
  if (given !== undefined) return { release: parseRelease(given), from: 'given' };
  const modern = modernGroups.some((name) => loaded.inventory.groups.has(name));
  return { release: parseRelease(modern ? 'v2.31.0' : 'v2.14.0'), from: 'guessed' };
}

/**
 * Plans the network of an inventory. `sources` are the `-i` arguments.
 * @throws CalicoError INPUT for a source that cannot be read, with file, line, column and cure
 */
export function planCluster(sources: readonly string[], options: PlanOptions = {}): PlanResult {
  const loaded = loadInventory(sources, { files: diskFiles, env: process.env, ...options });
  return planLoaded(loaded, options);
}

/** The same for an inventory that was just read: groups that the release derives are added to it. */
export function planLoaded(loaded: LoadedInventory, options: PlanOptions = {}): PlanResult {
  const { release, from } = releaseOf(loaded, options.kubesprayRelease);
  const tls = options.tls ?? true;
  addDerivedGroups(loaded.inventory, release);
  const view = new ClusterView(loaded, release, tls ? 'https' : 'http');
  const first = view.first();
  const skipped = loaded.warnings.find((one) => one.message.includes('is skipped'));
  if (view.cluster().length === 0 && first === undefined)
    throw new CalicoError(
      'INPUT',
      `the inventory has no hosts in the groups ${view.groupName('controlPlane')}, ${view.groupName('node')} and ${view.groupName('cluster')}`,
      {
        cure: skipped
          ? skipped.message
          : otherNames(loaded, view)
            ? `The groups are named for another release: give --kubespray-release ${view.since('2.16') ? 'v2.14.0' : 'v2.31.0'}, or rename them.`
            : 'Give a Kubespray inventory: its groups are etcd, kube_control_plane and kube_node (kube-master and kube-node up to v2.15).',
      },
    );
  const settings = clusterSettings(view);
  const hostOptions: HostOptions = {
    tls,
    subnetPrefix: options.subnetPrefix ?? 24,
    subnetPrefix6: options.subnetPrefix6 ?? 64,
  };
  const hosts = planHosts(view, settings, hostOptions);
  const resources = resourceSteps(view, settings, hosts);
  const peers = resources.filter((one) => one.resource.kind === 'BGPPeer').map((one) => one.resource);
  const { sessions, routers } = planSessions(settings, hosts, peers);
  const text = (name: string) => view.text(first, name) ?? '';
  const plan: ClusterPlan = {
    release: release.name,
    releaseFrom: from,
    calicoVersion: text('calico_version'),
    clusterName: text('cluster_name'),
    datastore: settings.datastore,
    etcd: {
      endpoints: text('etcd_access_addresses')
        .split(',')
        .filter((one) => one !== ''),
      members: view.etcdHosts().map((host) => ({
        host: host.name,
        name: view.text(host, 'etcd_member_name') ?? host.name,
        address: view.accessAddress(host),
      })),
    },
    binDir: text('bin_dir'),
    controlPlaneFirst: first?.name ?? '',
    backend: settings.backend,
    bgpRunning: settings.backend === 'bird',
    clusterType: clusterType(view, settings),
    nodeToNodeMesh: settings.mesh,
    globalAsNumber: settings.globalAs,
    advertised: settings.advertised,
    serviceCidrs: settings.serviceCidrs,
    pools: settings.pools,
    hosts,
    routers,
    sessions,
    resources,
    steps: safeOrder(resources),
    daemonEnvironment: daemonEnvironment(
      view,
      settings,
      tls
        ? {
            ca: '/calico-secrets/ca_cert.crt',
            cert: '/calico-secrets/cert.crt',
            key: '/calico-secrets/key.pem',
          }
        : undefined,
    ),
    encapsulation: settings.encapsulation,
  };
  return { plan, findings: runChecks(view, settings, plan), view };
}

function otherNames(loaded: LoadedInventory, view: ClusterView): boolean {
  const names = view.since('2.16') ? oldGroups : modernGroups;
  return names.some((name) => loaded.inventory.hostsOf(name).length > 0);
}
