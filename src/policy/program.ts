/**
 * The host's program: what the calculation graph (policy/) hands to the agent (felix/) and to the evaluator.
 *
 * It is a value, complete at any moment: the agent's desired state is a function of it alone. Deltas
 * ({@link ProgramUpdate}) say only which entries changed. The shapes follow upstream's felixbackend.proto.
 */
import type { IpVersion } from '../ip/index.ts';

/** `TIER/POLICY` identity; namespace is absent for global kinds. */
export interface PolicyId {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A protocol: its number, or its name as the rule gave it (`tcp`, `udp`, `icmp`, `icmpv6`, `sctp`, `udplite`). */
export type RuleProtocol = number | string;

/** Inclusive port range. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Where a rule came from, for `explain` and for comments in the kernel. */
export interface RuleOrigin {
  readonly direction: 'ingress' | 'egress';
  /** Index in the resource's list; one rule of a resource may expand to several of these. */
  readonly index: number;
  /** `metadata.annotations` of the rule. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One side (source or destination) of a rule; every present condition must hold. */
export interface RuleSide {
  readonly nets: readonly string[];
  readonly notNets: readonly string[];
  readonly ports: readonly PortRange[];
  readonly notPorts: readonly PortRange[];
  /** IP set ids whose members are address,protocol:port (named ports). A port matches if any of ports or these match. */
  readonly namedPortSets: readonly string[];
  readonly notNamedPortSets: readonly string[];
  /** The address must be in each of these sets. */
  readonly sets: readonly string[];
  readonly notSets: readonly string[];
  /** Service matches: address,protocol:port sets, all must match. */
  readonly portSets: readonly string[];
}

/** A rule as rendered and as evaluated: selectors are resolved to sets. */
export interface ProgramRule {
  readonly action: 'allow' | 'deny' | 'pass' | 'log';
  readonly ipVersion?: IpVersion;
  readonly protocol?: RuleProtocol;
  readonly notProtocol?: RuleProtocol;
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly notIcmp?: { readonly type: number; readonly code?: number };
  readonly source: RuleSide;
  readonly destination: RuleSide;
  readonly origin: RuleOrigin;
  /** Upstream's rule id, where `explain` and flow logs show one. */
  readonly id?: string;
}

/** A policy as active on this host. */
export interface PolicyProgram {
  readonly id: PolicyId;
  readonly tier: string;
  readonly inbound: readonly ProgramRule[];
  readonly outbound: readonly ProgramRule[];
  readonly untracked: boolean;
  readonly preDnat: boolean;
  readonly staged: boolean;
}

/** A profile as active on this host. */
export interface ProfileProgram {
  readonly name: string;
  readonly inbound: readonly ProgramRule[];
  readonly outbound: readonly ProgramRule[];
}

/** What an IP set's members are: `ip` 10.0.0.1 · `net` 10.0.0.0/8 · `ip-port` 10.0.0.1,tcp:80. */
export type IpSetKind = 'ip' | 'net' | 'ip-port';

/** The policies of one tier that apply to an endpoint, in order. Keys are `policyKey(id)`. */
export interface TierProgram {
  readonly name: string;
  readonly defaultAction: 'deny' | 'pass';
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
}

/** A workload endpoint of this host. */
export interface WorkloadProgram {
  /** `orchestrator`, `<namespace>/<pod>`, endpoint: the parts of the v1 key. */
  readonly id: { readonly orchestrator: string; readonly workload: string; readonly endpoint: string };
  readonly state: 'active' | 'inactive';
  readonly interfaceName: string;
  readonly mac?: string;
  readonly ipv4Nets: readonly string[];
  readonly ipv6Nets: readonly string[];
  readonly ipv4Nats: readonly { readonly internal: string; readonly external: string }[];
  readonly ipv6Nats: readonly { readonly internal: string; readonly external: string }[];
  readonly allowSpoofedSourcePrefixes: readonly string[];
  readonly tiers: readonly TierProgram[];
  readonly profiles: readonly string[];
}

/** A host endpoint of this host; tiers are per kind of hook. */
export interface HostEndpointProgram {
  readonly id: string;
  /** Interface name, `*` for all, or empty when found by expected addresses. */
  readonly interfaceName: string;
  readonly expectedIpv4: readonly string[];
  readonly expectedIpv6: readonly string[];
  readonly tiers: readonly TierProgram[];
  readonly untrackedTiers: readonly TierProgram[];
  readonly preDnatTiers: readonly TierProgram[];
  readonly forwardTiers: readonly TierProgram[];
  readonly profiles: readonly string[];
}

/** A route the agent may have to program; upstream: felix/calc/l3_route_resolver.go. */
export interface RouteProgram {
  readonly dst: string;
  readonly types: readonly (
    | 'remote-workload'
    | 'remote-host'
    | 'local-workload'
    | 'local-host'
    | 'remote-tunnel'
    | 'local-tunnel'
    | 'cidr-info'
  )[];
  readonly pool: 'none' | 'no-encap' | 'ipip' | 'vxlan';
  readonly node?: string;
  readonly nodeAddress?: string;
  readonly sameSubnet: boolean;
  readonly natOutgoing: boolean;
  readonly localWorkload: boolean;
  readonly borrowed: boolean;
  readonly tunnelType?: { readonly ipip?: boolean; readonly vxlan?: boolean };
}

/** A VXLAN tunnel end of another host, or of this one. */
export interface VtepProgram {
  readonly node: string;
  readonly ipv4?: { readonly tunnelAddress: string; readonly parentAddress: string; readonly mac: string };
  readonly ipv6?: { readonly tunnelAddress: string; readonly parentAddress: string; readonly mac: string };
}

/** A host of the cluster as tunnels and NAT need it. */
export interface HostProgram {
  readonly name: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** With prefix, as on the Node. */
  readonly ipv4Subnet?: string;
  readonly ipv6Subnet?: string;
  readonly ipipTunnelAddress?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A pool as masquerading and encapsulation need it. */
export interface PoolProgram {
  readonly name: string;
  readonly cidr: string;
  readonly natOutgoing: boolean;
  readonly ipipMode: 'Always' | 'CrossSubnet' | 'Never';
  readonly vxlanMode: 'Always' | 'CrossSubnet' | 'Never';
  readonly disabled: boolean;
}

/** The entry kinds of the program and their values. */
export interface ProgramEntries {
  readonly policy: PolicyProgram;
  readonly profile: ProfileProgram;
  readonly 'ip-set': { readonly id: string; readonly kind: IpSetKind; readonly members: ReadonlySet<string> };
  readonly workload: WorkloadProgram;
  readonly 'host-endpoint': HostEndpointProgram;
  readonly route: RouteProgram;
  readonly vtep: VtepProgram;
  readonly host: HostProgram;
  readonly pool: PoolProgram;
  /**
   * The FelixConfigurations that apply here, per source (`selected` is the one whose nodeSelector matches, `node` is
   * `node.<name>`); the agent merges them with file and environment. Keys are field names of
   * FelixConfiguration.spec, or parameter names where an annotation `config.projectcalico.org/<Param>` gave them.
   * Values are text: scalars as they are (durations stay Go durations such as `90s`), lists joined by `,`, an empty
   * list `none`, failsafe ports as `tcp:22` or `tcp:10.0.0.0/8:22`.
   */
  readonly config: {
    readonly global: Readonly<Record<string, string>>;
    readonly selected: Readonly<Record<string, string>>;
    readonly node: Readonly<Record<string, string>>;
  };
  /** CIDRs of BGPConfiguration's service lists, for service loop prevention. One entry, key `default`. */
  readonly 'service-cidrs': readonly string[];
  /** Whether ClusterInformation says that the datastore is ready. */
  readonly ready: boolean;
}

/** Name of an entry kind. */
export type ProgramKind = keyof ProgramEntries;

/** One change of the program; `key` is unique within the kind. */
export type ProgramUpdate =
  | {
      [K in ProgramKind]: {
        readonly op: 'put';
        readonly kind: K;
        readonly key: string;
        readonly value: ProgramEntries[K];
      };
    }[ProgramKind]
  | { readonly op: 'delete'; readonly kind: ProgramKind; readonly key: string }
  /** Members that came and went in an IP set that the receiver already has. */
  | {
      readonly op: 'members';
      readonly id: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    };

/** Key of a policy in the program: `kind/namespace/name`, namespace empty for global kinds. */
export function policyKey(id: PolicyId): string {
  return `${id.kind}/${id.namespace ?? ''}/${id.name}`;
}

/**
 * The graph as its consumers see it. It is a SyncConsumer on its input side; a flush hands over what changed since the
 * last one. Flushes happen after each batch of updates once in sync; before, nothing is handed over.
 */
export interface ProgramSource {
  /** All entries of a kind, for resync and for the evaluator. */
  entries<K extends ProgramKind>(kind: K): ReadonlyMap<string, ProgramEntries[K]>;
  /** What changed since the last flush; in an order in which each entry's references exist before it. */
  flush(): readonly ProgramUpdate[];
}
