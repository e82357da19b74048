/**
 * The machines and cables of a lab, made from the plan alone. Pure.
 *
 * The holder's own network namespace is the underlay: one bridge per subnet is the switch of that subnet, the bridge's
 * address is the router between subnets, and every host, border router included, hangs on one bridge by a veth pair.
 */
import {
  addToAddress,
  cidrContains,
  formatAddress,
  formatCidr,
  lastAddress,
  parseAddress,
  parseCidr,
  tryParseAddress,
} from '../ip/index.ts';
import type { ClusterPlan, HostPlan, ResourceStep } from '../kubespray/index.ts';

/** A switch with its router. */
export interface LabSwitch {
  /** Name of the bridge. */
  readonly name: string;
  readonly subnet: string;
  /** The router's address with prefix: the default gateway of the subnet's hosts. */
  readonly gateway: string;
  readonly subnet6?: string;
  readonly gateway6?: string;
}

/** A network namespace with a cable to a switch. */
export interface LabMachine {
  readonly kind: 'host' | 'border-router';
  /** Name of the network namespace, and of the machine. */
  readonly name: string;
  readonly switch: string;
  /** Name of the switch's end of the cable; the other end is `eth0`. */
  readonly port: string;
  /** Addresses with prefix. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** Further addresses, on the loopback; those that are `routed` are reached from the other machines. */
  readonly further: readonly { readonly address: string; readonly routed: boolean }[];
}

/** A member of the etcd cluster. */
export interface LabEtcdMember {
  readonly host: string;
  readonly name: string;
  readonly address: string;
}

/** A machine in a network of its own behind a border router. */
export interface LabClient {
  readonly name: string;
  /** With prefix. */
  readonly address: string;
  /** The router's address there, with prefix. */
  readonly gateway: string;
  readonly network: string;
  /** It has routes to these alone: what a host made of a pod's address would stay unanswered. */
  readonly reaches: readonly string[];
}

/** A BGP speaker outside the cluster, with those it speaks to. */
export interface LabBorderRouter {
  readonly name: string;
  readonly address: string;
  readonly asNumber: number;
  readonly backbone: { readonly address: string; readonly port: string };
  readonly neighbours: readonly {
    readonly name: string;
    readonly address: string;
    readonly asNumber: number;
    /** The router's own address for the session. */
    readonly from: string;
  }[];
  readonly client: LabClient;
}

/** A pod that the lab keeps. */
export interface LabPod {
  readonly host: string;
  /** Name on its host: `pod1`. */
  readonly name: string;
}

/** A lab, before anything is made. */
export interface LabTopology {
  readonly switches: readonly LabSwitch[];
  readonly machines: readonly LabMachine[];
  readonly etcd: readonly LabEtcdMember[];
  readonly borderRouters: readonly LabBorderRouter[];
  readonly pods: readonly LabPod[];
}

/** The plan with these hosts and the etcd members only, and whatever of it still has both ends. */
export function limitPlan(plan: ClusterPlan, names: readonly string[]): ClusterPlan {
  const hosts = plan.hosts.filter((host) => names.includes(host.name) || host.roles.includes('etcd'));
  const kept = new Set(hosts.map((host) => host.name));
  const gone = new Set(plan.hosts.filter((host) => !kept.has(host.name)).map((host) => host.nodeName));
  const stays = ({ resource }: ResourceStep) =>
    !gone.has(resource.kind === 'Node' ? resource.metadata.name : String(resource.spec['node'] ?? ''));
  return {
    ...plan,
    hosts,
    sessions: plan.sessions.filter(({ host, peer }) => kept.has(host) && (peer === null || kept.has(peer))),
    routers: plan.routers
      .map((router) => ({ ...router, hosts: router.hosts.filter((host) => kept.has(host)) }))
      .filter((router) => router.hosts.length > 0),
    resources: plan.resources.filter(stays),
    steps: plan.steps.filter(stays),
  };
}

/** Makes the topology. */
export function topology(plan: ClusterPlan, podsPerNode: number): LabTopology {
  const switches = makeSwitches(plan);
  const cable = (
    kind: LabMachine['kind'],
    name: string,
    port: string,
    host: Addressed,
    further: LabMachine['further'],
  ): LabMachine => {
    const on = switches.find(({ subnet }) => cidrContains(parseCidr(subnet), parseAddress(host.address)))!;
    const six =
      host.address6 !== null && on.subnet6 !== undefined && on.gateway6 !== undefined
        ? { address: `${host.address6}${prefixOf(on.subnet6)}`, gateway: bare(on.gateway6) }
        : undefined;
    return {
      kind,
      name,
      switch: on.name,
      port,
      addresses: [`${host.address}${prefixOf(on.subnet)}`, ...(six ? [six.address] : [])],
      gateways: [borderGateway(plan, name, on.subnet) ?? bare(on.gateway), ...(six ? [six.gateway] : [])],
      further,
    };
  };
  return {
    switches,
    machines: [
      ...plan.hosts.map((host, index) => cable('host', host.name, `h${index}`, host, furtherAddresses(host))),
      ...plan.routers.map(({ address }, index) =>
        cable('border-router', borderRouterName(address), `r${index}`, { address, address6: null }, []),
      ),
    ],
    etcd: plan.etcd.members,
    borderRouters: borderRouters(plan),
    pods: plan.hosts
      .filter((host) => host.runsPods && host.runsNode)
      .flatMap(({ name }) =>
        Array.from({ length: podsPerNode }, (_, i): LabPod => ({ host: name, name: `pod${i + 1}` })),
      ),
  };
}

type Addressed = Pick<HostPlan, 'address' | 'address6'>;

/** Hosts that peer with routers of their subnet send by them what BGP knows no route for, as racks do. */
function borderGateway(plan: ClusterPlan, host: string, subnet: string): string | undefined {
  return plan.routers.find(
    ({ address, hosts }) => hosts.includes(host) && cidrContains(parseCidr(subnet), parseAddress(address)),
  )?.address;
}

/**
 * Addresses that the inventory takes for granted: one that others use, and sources of device routes, which a real host
 * has on an interface that the lab does not make, such as docker0.
 */
function furtherAddresses({
  address,
  address6,
  accessAddress,
  environment,
}: HostPlan): LabMachine['further'] {
  const sources = environment
    .filter(({ name }) => /^FELIX_DEVICEROUTESOURCEADDRESS(IPV6)?$/i.test(name))
    .map(({ value }) => value)
    .filter((value) => tryParseAddress(value) && value !== address && value !== address6);
  return [
    ...(accessAddress !== address && tryParseAddress(accessAddress)?.version === 4
      ? [{ address: accessAddress, routed: true }]
      : []),
    ...sources.map((source) => ({ address: source, routed: false })),
  ];
}

/** Name of a border router's machine. */
export function borderRouterName(address: string): string {
  return `router-${address.replaceAll(/[.:]/g, '-')}`;
}

function borderRouters(plan: ClusterPlan): readonly LabBorderRouter[] {
  return plan.routers.map((router, index) => ({
    name: borderRouterName(router.address),
    backbone: { address: backboneAddress(index), port: `b${index}` },
    client: clientBehind(plan, router.address, index),
    address: router.address,
    asNumber: router.asNumber,
    neighbours: [
      ...plan.hosts
        .filter((host) => router.hosts.includes(host.name))
        .map(({ name, address, asNumber }) => ({ name, address, asNumber, from: router.address })),
      ...plan.routers.flatMap(({ address, asNumber }, other) =>
        other === index
          ? []
          : [
              {
                name: borderRouterName(address),
                address: backboneAddress(other),
                asNumber,
                from: backboneAddress(index),
              },
            ],
      ),
    ],
  }));
}

/** The switch by which routers, and so sites, reach each other, as by an operator's network. */
export const backbone = { name: 'backbone', prefix: 16 } as const;

function backboneAddress(index: number): string {
  return `198.19.${(index + 1) >> 8}.${(index + 1) & 255}`;
}

/** Networks for benchmarks (RFC 2544) are in nobody's inventory. */
function clientBehind(plan: ClusterPlan, router: string, index: number): LabClient {
  const net = `198.18.${index}`;
  const { clusterIPs, externalIPs, loadBalancerIPs } = plan.advertised;
  const ranges = [...plan.pools.map(({ cidr }) => cidr), ...clusterIPs, ...externalIPs, ...loadBalancerIPs];
  return {
    name: borderRouterName(router).replace('router', 'client'),
    address: `${net}.2/24`,
    gateway: `${net}.1/24`,
    network: `${net}.0/24`,
    reaches: ranges.filter((cidr) => !cidr.includes(':')),
  };
}

function makeSwitches(plan: ClusterPlan): readonly LabSwitch[] {
  const used = new Set([...plan.hosts, ...plan.routers].map(({ address }) => address));
  const used6 = new Set(plan.hosts.map((host) => host.address6 ?? ''));
  const subnets = new Map<string, string | null>();
  for (const host of plan.hosts) {
    const subnet = subnetOf(host.address, host.subnet);
    if (!subnets.has(subnet)) subnets.set(subnet, host.subnet6);
  }
  for (const { address } of plan.routers) {
    const parsed = parseAddress(address);
    if (![...subnets.keys()].some((subnet) => cidrContains(parseCidr(subnet), parsed)))
      subnets.set(subnetOf(address, address), null);
  }
  return [...subnets].map(([subnet, subnet6], index) => ({
    name: `br${index}`,
    subnet,
    gateway: freeAddress(subnet, used),
    ...(subnet6 === null ? {} : { subnet6, gateway6: freeAddress(subnet6, used6) }),
  }));
}

/** The subnet that a cable needs: a host with no more than its own address gets the usual one. */
function subnetOf(address: string, subnet: string): string {
  const usual = address.includes(':') ? 64 : 24;
  const cidr = parseCidr(subnet);
  return cidr.prefix <= (cidr.version === 4 ? 30 : 126)
    ? subnet
    : formatCidr(parseCidr(`${address}/${usual}`));
}

/** The first usable address that nobody has, with the subnet's prefix; of a full subnet the last. */
function freeAddress(subnet: string, used: ReadonlySet<string>): string {
  const cidr = parseCidr(subnet);
  const last = formatAddress(lastAddress(cidr));
  for (let offset = 1; ; offset++) {
    const text = formatAddress(addToAddress(cidr, offset));
    if (text === last || !used.has(text)) return `${text}/${cidr.prefix}`;
  }
}

function prefixOf(subnet: string): string {
  return subnet.slice(subnet.indexOf('/'));
}

function bare(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
