/** What kinds and fields mean, in a sentence each. Fields without a sentence explain themselves by name and type. */

const kindTexts: Readonly<Record<string, string>> = {
  BGPConfiguration: 'BGP of the whole cluster (default) or of one node (node.<name>).',
  BGPFilter: 'Rules on routes that a BGPPeer imports and exports.',
  BGPPeer: 'A BGP session between nodes and a peer: a router, or other nodes.',
  ClusterInformation: 'Facts on the cluster, kept by Calico itself. Read-only.',
  FelixConfiguration: 'Settings of the agent: for all nodes (default) or one (node.<name>).',
  GlobalNetworkPolicy: 'A policy for workloads of all namespaces and for host endpoints.',
  GlobalNetworkSet: 'Addresses with labels, to be selected by policies.',
  HostEndpoint: 'An interface of a host that policies apply to.',
  IPPool: 'Addresses for workloads, and how traffic between them travels.',
  IPReservation: 'Addresses that are never given out.',
  KubeControllersConfiguration: 'Settings of the controllers that mirror Kubernetes.',
  NetworkPolicy: 'A policy for the workloads of its namespace.',
  NetworkSet: 'Addresses with labels, to be selected by policies of their namespace.',
  Node: 'A host of the cluster.',
  Profile: 'Rules and labels for endpoints that no policy selects.',
  StagedGlobalNetworkPolicy: 'A GlobalNetworkPolicy that is watched but not enforced.',
  StagedKubernetesNetworkPolicy: 'A Kubernetes NetworkPolicy that is watched but not enforced.',
  StagedNetworkPolicy: 'A NetworkPolicy that is watched but not enforced.',
  Tier: 'A group of policies; tiers are passed in their order.',
  WorkloadEndpoint: 'The interface of a workload. Written by the CNI plugin.',
};

const texts: Readonly<Record<string, string>> = {
  'BGPConfiguration.asNumber': 'AS number of nodes that have none of their own; 64512 unless set.',
  'BGPConfiguration.bindMode': 'Address that BIRD listens on: all, or that of the node.',
  'BGPConfiguration.communities': 'Names for BGP communities, for use in prefixAdvertisements.',
  'BGPConfiguration.ignoredInterfaces': 'Interfaces whose addresses and routes BIRD does not look at.',
  'BGPConfiguration.listenPort': 'Port that BIRD listens on; 179 unless set.',
  'BGPConfiguration.logSeverityScreen': 'Level of BIRD’s log on standard output.',
  'BGPConfiguration.nodeToNodeMeshEnabled':
    'Whether every node peers with every other. Off with route reflectors.',
  'BGPConfiguration.prefixAdvertisements': 'Communities that are put on routes inside a CIDR.',
  'BGPConfiguration.serviceClusterIPs': 'Cluster IP ranges of services that are advertised.',
  'BGPConfiguration.serviceExternalIPs': 'External IP ranges of services that are advertised.',
  'BGPConfiguration.serviceLoadBalancerIPs': 'Load balancer IP ranges of services that are advertised.',
  'BGPPeer.asNumber': 'AS number of the peer. Empty with peerSelector.',
  'BGPPeer.filters': 'BGPFilters of the session, in order.',
  'BGPPeer.keepOriginalNextHop': 'Whether routes keep the next hop that they came with.',
  'BGPPeer.node': 'The one node that has the session. Empty, and no nodeSelector: all nodes.',
  'BGPPeer.nodeSelector': 'Selector of the nodes that have the session.',
  'BGPPeer.password': 'Secret with the password of the session.',
  'BGPPeer.peerIP': 'Address of the peer, with :port where it is not 179. Empty with peerSelector.',
  'BGPPeer.peerSelector': 'Selector of nodes that are the peers, such as route reflectors.',
  'BGPPeer.sourceAddress': 'Whether the session comes from the node’s BGP address.',
  'ClusterInformation.calicoVersion': 'Version of the Calico that runs the cluster.',
  'ClusterInformation.clusterGUID': 'Random identity of the cluster.',
  'ClusterInformation.clusterType': 'What the cluster is made of.',
  'ClusterInformation.datastoreReady': 'False while the datastore is being migrated: nobody may write.',
  'HostEndpoint.expectedIPs': 'Addresses by which the interface is found, and which policies see.',
  'HostEndpoint.interfaceName': 'Name of the interface; * stands for all.',
  'HostEndpoint.node': 'Name of the host.',
  'HostEndpoint.ports': 'Names for ports, for use in policies.',
  'HostEndpoint.profiles': 'Profiles whose rules apply when no policy does.',
  'IPPool.allowedUses': 'What the addresses are for.',
  'IPPool.assignmentMode': 'Whether addresses are given out only to those who ask for the pool.',
  'IPPool.blockSize': 'Prefix length of the blocks that nodes get. Cannot be changed.',
  'IPPool.cidr': 'The addresses. Cannot be changed.',
  'IPPool.disableBGPExport': 'Whether routes to the pool are kept from other BGP speakers.',
  'IPPool.disabled': 'No new addresses are given out; those given stay.',
  'IPPool.ipipMode':
    'Whether traffic between nodes travels in IP-in-IP: always, across subnets only, or never.',
  'IPPool.natOutgoing': 'Whether traffic that leaves all pools gets the node’s address.',
  'IPPool.nodeSelector': 'Selector of the nodes that may use the pool.',
  'IPPool.vxlanMode':
    'Whether traffic between nodes travels in VXLAN: always, across subnets only, or never.',
  'IPReservation.reservedCIDRs': 'Addresses and ranges that are kept free.',
  'Node.addresses': 'Addresses of the host, of which the interface and the role are known.',
  'Node.bgp': 'BGP of this node.',
  'Node.bgp.asNumber': 'AS number of this node; that of BGPConfiguration default unless set.',
  'Node.bgp.ipv4Address': 'IPv4 address with its prefix length, as the network of the host has it.',
  'Node.bgp.ipv4IPIPTunnelAddr': 'Address of tunl0. Kept by the node itself.',
  'Node.bgp.ipv6Address': 'IPv6 address with its prefix length.',
  'Node.bgp.routeReflectorClusterID': 'Makes the node a route reflector of this cluster id.',
  'Node.orchRefs': 'Names that orchestrators have for the node.',
  'Profile.labelsToApply': 'Labels that endpoints with the profile get.',
  'Tier.defaultAction': 'What happens to traffic that policies of the tier select but do not decide.',
  'Tier.order': 'Lower comes first.',
  'WorkloadEndpoint.interfaceName': 'Name of the host’s end of the veth pair.',
  'WorkloadEndpoint.ipNetworks': 'Addresses of the workload.',
  'WorkloadEndpoint.node': 'Host that the workload runs on.',
};

/** Fields that policies of all kinds share. */
const policyTexts: Readonly<Record<string, string>> = {
  applyOnForward: 'Whether host endpoints apply the policy to forwarded traffic too.',
  doNotTrack: 'Whether the policy is applied before connection tracking.',
  egress: 'Rules for traffic from the endpoints, in order.',
  'egress.action': 'What happens to traffic that the rule matches.',
  ingress: 'Rules for traffic to the endpoints, in order.',
  'ingress.action': 'What happens to traffic that the rule matches.',
  namespaceSelector: 'Selector of the namespaces whose workloads the policy is for.',
  order: 'Lower comes first; policies without one come last.',
  preDNAT: 'Whether the policy is applied before addresses are translated.',
  selector: 'Selector of the endpoints that the policy is for.',
  serviceAccountSelector: 'Selector of the service accounts whose workloads the policy is for.',
  stagedAction: 'What would become of the policy that this one stands for.',
  tier: 'Tier that the policy is in.',
  types: 'Directions that the policy decides; taken from the rules unless given.',
};

/** What the kind is. */
export function kindText(kind: string): string {
  return kindTexts[kind] ?? '';
}

/** What the field is; empty when there is nothing to add to its name. */
export function fieldText(kind: string, path: readonly string[]): string {
  const name = path.join('.');
  return texts[`${kind}.${name}`] ?? (/Policy$/.test(kind) ? policyTexts[name] : undefined) ?? '';
}
