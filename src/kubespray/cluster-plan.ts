/**
 * What an inventory describes, as one value: `plan` prints it, `lab up` and `deploy` make it true.
 *
 * Everything here is derived from the inventory alone; nothing was read from a host or a datastore.
 */
import type { Resource } from '../resources/index.ts';

/** What a host does in the cluster. A host outside the k8s-cluster group (an etcd-only one) has no `node` agent. */
export type Role = 'control-plane' | 'etcd' | 'node' | 'route-reflector';

/** An encapsulation mode of a pool. */
export type EncapsulationMode = 'Always' | 'CrossSubnet' | 'Never';

/** A name and a value of an environment, in order. */
export interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

/** A file that a host needs. Certificates are references: whoever applies the plan makes them. */
export type HostFile =
  | {
      readonly kind: 'content';
      readonly path: string;
      readonly mode: number;
      readonly owner: string;
      readonly content: string;
    }
  | { readonly kind: 'link'; readonly path: string; readonly mode: number; readonly target: string };

/** How the front reaches a host; no address of the network is taken from here. */
export interface Transport {
  /** `ansible_host`, where it differs from the name. */
  readonly host: string | null;
  readonly user: string | null;
  readonly port: number | null;
  readonly connection: string;
}

/** One host of the inventory. */
export interface HostPlan {
  readonly name: string;
  /** The name under which Calico knows the node (`NODENAME`). */
  readonly nodeName: string;
  /** The address that BGP, tunnels and pods' routes use. */
  readonly address: string;
  readonly address6: string | null;
  /** How the address was found; `guessed` also brings a finding. */
  readonly addressFrom: 'ip' | 'ansible_host' | 'fallback';
  /** The network that the address stands in, as CIDR: hosts with the same value share a switch. */
  readonly subnet: string;
  readonly subnet6: string | null;
  readonly roles: readonly Role[];
  /** True for every member of the k8s-cluster group: it runs calico-node. */
  readonly runsNode: boolean;
  /** True where pods are scheduled. */
  readonly runsPods: boolean;
  /** The AS number that the node uses, and the one set on its Node (null: the global one). */
  readonly asNumber: number;
  readonly nodeAsNumber: number | null;
  readonly isRouteReflector: boolean;
  readonly clusterId: string | null;
  /** Labels that the plan sets on the Node. */
  readonly labels: Readonly<Record<string, string>>;
  readonly etcdMemberName: string | null;
  readonly accessAddress: string;
  readonly transport: Transport;
  /** MTU in the CNI configuration, if the inventory sets one. */
  readonly cniMtu: number | null;
  /** The whole environment of calico-node on this host, references resolved, in the order of the manifest. */
  readonly environment: readonly EnvEntry[];
  readonly files: readonly HostFile[];
  /** Groups of the inventory, sorted, without `all`. */
  readonly groups: readonly string[];
}

/** A BGP speaker outside the cluster. */
export interface BorderRouter {
  readonly address: string;
  readonly asNumber: number;
  /** The hosts that peer with it. */
  readonly hosts: readonly string[];
}

/** One BGP session, listed once. */
export interface SessionPlan {
  /** The host whose peer list names it (for sessions between hosts: the one first in host order). */
  readonly host: string;
  readonly hostAddress: string;
  readonly hostAs: number;
  /** The other host, or null for a border router. */
  readonly peer: string | null;
  readonly peerAddress: string;
  readonly peerAs: number;
  /** `mesh`, or the name of the BGPPeer that asks for it. */
  readonly via: string;
  /** Who reflects for whom. */
  readonly reflection: 'none' | 'host-reflects' | 'peer-reflects' | 'both-reflect';
}

/** One write to the datastore. */
export interface ResourceStep {
  /**
   * `create`: only where it does not exist (an existing one is compared and reported, never overwritten);
   * `apply`: create or merge the named fields of the spec; `merge`: read, set the named fields, write (creating the
   * object if it does not exist, so that it works before the agent registered); `label`: the same for labels.
   * In every case fields of other writers stay.
   */
  readonly how: 'create' | 'apply' | 'merge' | 'label';
  readonly resource: Resource;
  /** Why it is written, in one phrase. */
  readonly reason: string;
}

/** An address pool. */
export interface PoolPlan {
  readonly name: string;
  readonly cidr: string;
  readonly blockSize: number;
  readonly ipipMode: EncapsulationMode;
  readonly vxlanMode: EncapsulationMode;
  readonly natOutgoing: boolean;
}

/** The network of an inventory. */
export interface ClusterPlan {
  /** The Kubespray release whose rules and defaults were used, e.g. `v2.14.0`. */
  readonly release: string;
  readonly releaseFrom: 'given' | 'guessed';
  readonly calicoVersion: string;
  readonly clusterName: string;
  readonly datastore: 'etcd' | 'kdd';
  readonly etcd: {
    /** Client URLs, in the order of the etcd group. */
    readonly endpoints: readonly string[];
    readonly members: readonly { readonly host: string; readonly name: string; readonly address: string }[];
  };
  readonly binDir: string;
  readonly controlPlaneFirst: string;
  readonly backend: 'bird' | 'vxlan' | 'none';
  readonly bgpRunning: boolean;
  readonly clusterType: string;
  readonly nodeToNodeMesh: boolean;
  readonly globalAsNumber: number;
  readonly advertised: {
    readonly clusterIPs: readonly string[];
    readonly externalIPs: readonly string[];
    readonly loadBalancerIPs: readonly string[];
  };
  readonly serviceCidrs: readonly string[];
  readonly pools: readonly PoolPlan[];
  /** Hosts that run calico-node, in the order of the k8s-cluster group, then the others. */
  readonly hosts: readonly HostPlan[];
  readonly routers: readonly BorderRouter[];
  readonly sessions: readonly SessionPlan[];
  /** What Kubespray would write, in its order: compare with an existing cluster. */
  readonly resources: readonly ResourceStep[];
  /**
   * The same writes in the order that is safe on a live cluster: what makes sessions comes before what ends some
   * (reflectors' Nodes, peers, and the mesh switch last). All may be written before an agent starts.
   */
  readonly steps: readonly ResourceStep[];
  /** The environment of the daemon as the manifest has it: values that come from the pod are `{fieldRef}`. */
  readonly daemonEnvironment: readonly (EnvEntry | { readonly name: string; readonly fieldRef: string })[];
  /** What a route from one host to another's pods must be: see `expectedRoute`. */
  readonly encapsulation: {
    readonly kind: 'none' | 'ipip' | 'vxlan';
    readonly mode: EncapsulationMode;
  };
}

/** How severe a finding is: an `error` means that nothing may be applied. */
export type Severity = 'error' | 'warning' | 'note';

/** Something that the inventory's reader must know. */
export interface Finding {
  readonly severity: Severity;
  /** Stable name of the check. */
  readonly code: string;
  readonly message: string;
  readonly cure?: string;
  readonly hosts?: readonly string[];
  /** File and line where the value was set. */
  readonly origin?: string;
  /** True where the message is Kubespray's own assertion. */
  readonly kubespray?: boolean;
}

/** The route that a host must have to the blocks of another. */
export interface ExpectedRoute {
  readonly nextHop: string;
  readonly device: 'underlay' | 'tunl0' | 'vxlan.calico';
  /** Who writes it: unencapsulated routes come from BIRD, tunnel routes from felix. */
  readonly by: 'bird' | 'felix';
}

/**
 * The route from `from` to the pods of `to`; undefined if none is expected (same host, no calico-node, backend none,
 * or unencapsulated without BGP). It assumes that BGP carries every block, which the proof checks separately.
 */
export function expectedRoute(plan: ClusterPlan, from: HostPlan, to: HostPlan): ExpectedRoute | undefined {
  if (from.name === to.name || !from.runsNode || !to.runsNode || plan.backend === 'none') return undefined;
  const { kind, mode } = plan.encapsulation;
  const tunnelled = kind !== 'none' && (mode === 'Always' || from.subnet !== to.subnet);
  if (!tunnelled)
    return plan.bgpRunning ? { nextHop: to.address, device: 'underlay', by: 'bird' } : undefined;
  return { nextHop: to.address, device: kind === 'ipip' ? 'tunl0' : 'vxlan.calico', by: 'felix' };
}
