/** Order in which the releases write members of structs, where it is not the order of the schemas. */
import type { Release } from '../release.ts';

const names = (text: string): readonly string[] => text.trim().split(/\s+/);

const upTo15: Readonly<Record<string, readonly string[]>> = {
  BGPPeerSpec: names(`
    node peerIP asNumber nodeSelector peerSelector
  `),
  FelixConfigurationSpec: names(`
    ipv6Support routeRefreshInterval iptablesRefreshInterval iptablesPostWriteCheckInterval
    iptablesLockProbeInterval ipsetsRefreshInterval maxIpsetSize iptablesBackend xdpRefreshInterval
    netlinkTimeout metadataAddr metadataPort openstackRegion interfacePrefix interfaceExclude
    chainInsertMode defaultEndpointToHostAction iptablesFilterAllowAction iptablesMangleAllowAction
    logPrefix logFilePath logSeverityFile logSeverityScreen logSeveritySys ipipEnabled ipipMTU
    vxlanEnabled vxlanMTU vxlanPort vxlanVNI reportingInterval reportingTTL endpointReportingEnabled
    endpointReportingDelay iptablesMarkMask disableConntrackInvalidCheck healthEnabled healthHost
    healthPort prometheusMetricsEnabled prometheusMetricsHost prometheusMetricsPort
    prometheusGoMetricsEnabled prometheusProcessMetricsEnabled failsafeInboundHostPorts
    failsafeOutboundHostPorts kubeNodePortRanges policySyncPathPrefix usageReportingEnabled
    usageReportingInitialDelay usageReportingInterval natPortRange natOutgoingAddress
    deviceRouteSourceAddress deviceRouteProtocol removeExternalRoutes externalNodesList
    debugMemoryProfilePath debugDisableLogDropping debugSimulateCalcGraphHangAfter
    debugSimulateDataplaneHangAfter iptablesNATOutgoingInterfaceFilter sidecarAccelerationEnabled
    xdpEnabled genericXDPEnabled bpfEnabled bpfDisableUnprivileged bpfLogLevel bpfDataIfacePattern
    bpfConnectTimeLoadBalancingEnabled bpfExternalServiceMode bpfKubeProxyIptablesCleanupEnabled
    bpfKubeProxyMinSyncPeriod routeSource routeTableRange wireguardEnabled wireguardListeningPort
    wireguardRoutingRulePriority wireguardInterfaceName wireguardMTU
  `),
};

const newest: Readonly<Record<string, readonly string[]>> = {
  BGPPeerSpec: names(`
    node nodeSelector peerIP asNumber localASNumber peerSelector keepOriginalNextHop nextHopMode
    password sourceAddress maxRestartTime keepaliveTime numAllowedLocalASNumbers ttlSecurity reachableBy
    filters localWorkloadSelector reversePeering
  `),
  CalicoNodeBGPStatus: names(`
    numberEstablishedV4 numberNotEstablishedV4 numberEstablishedV6 numberNotEstablishedV6 peersV4
    peersV6
  `),
  FelixConfigurationSpec: names(`
    useInternalDataplaneDriver dataplaneDriver dataplaneWatchdogTimeout ipv6Support routeRefreshInterval
    interfaceRefreshInterval iptablesRefreshInterval iptablesPostWriteCheckInterval
    iptablesLockProbeInterval featureDetectOverride featureGates ipsetsRefreshInterval maxIpsetSize
    iptablesBackend xdpRefreshInterval netlinkTimeout metadataAddr metadataPort openstackRegion
    interfacePrefix interfaceExclude chainInsertMode defaultEndpointToHostAction
    iptablesFilterAllowAction iptablesMangleAllowAction iptablesFilterDenyAction logPrefix
    logActionRateLimit logActionRateLimitBurst logFilePath logSeverityFile logSeverityScreen
    logSeveritySys logDebugFilenameRegex ipipEnabled ipipMTU vxlanEnabled vxlanMTU vxlanMTUV6 vxlanPort
    vxlanVNI allowVXLANPacketsFromWorkloads allowIPIPPacketsFromWorkloads reportingInterval reportingTTL
    endpointReportingEnabled endpointReportingDelay endpointStatusPathPrefix iptablesMarkMask
    disableConntrackInvalidCheck healthEnabled healthHost healthPort healthTimeoutOverrides
    prometheusMetricsEnabled prometheusMetricsHost prometheusMetricsPort prometheusGoMetricsEnabled
    prometheusProcessMetricsEnabled prometheusWireGuardMetricsEnabled prometheusMetricsCAFile
    prometheusMetricsCertFile prometheusMetricsKeyFile prometheusMetricsClientAuth
    failsafeInboundHostPorts failsafeOutboundHostPorts kubeNodePortRanges policySyncPathPrefix
    usageReportingEnabled usageReportingInitialDelay usageReportingInterval natPortRange
    natOutgoingAddress natOutgoingExclusions deviceRouteSourceAddress deviceRouteSourceAddressIPv6
    deviceRouteProtocol removeExternalRoutes programClusterRoutes ipForwarding externalNodesList
    debugMemoryProfilePath debugDisableLogDropping debugSimulateCalcGraphHangAfter
    debugSimulateDataplaneHangAfter debugSimulateDataplaneApplyDelay debugHost debugPort
    iptablesNATOutgoingInterfaceFilter sidecarAccelerationEnabled xdpEnabled genericXDPEnabled
    nftablesMode nftablesRefreshInterval nftablesFilterAllowAction nftablesMangleAllowAction
    nftablesFilterDenyAction nftablesMarkMask bpfEnabled bpfDisableUnprivileged bpfJITHardening
    bpfLogLevel bpfConntrackLogLevel bpfConntrackMode bpfConntrackTimeouts bpfLogFilters
    bpfCTLBLogFilter bpfDataIfacePattern bpfL3IfacePattern bpfConnectTimeLoadBalancingEnabled
    bpfConnectTimeLoadBalancing bpfHostNetworkedNATWithoutCTLB bpfExternalServiceMode bpfDSROptoutCIDRs
    bpfExtToServiceConnmark bpfKubeProxyIptablesCleanupEnabled bpfKubeProxyMinSyncPeriod
    bpfKubeProxyHealthzPort bpfPSNATPorts bpfMapSizeNATFrontend bpfMapSizeNATBackend
    bpfMapSizeNATAffinity bpfMapSizeRoute bpfMapSizeConntrack bpfMapSizePerCpuConntrack
    bpfMapSizeConntrackScaling bpfMapSizeConntrackCleanupQueue bpfMapSizeIPSets bpfMapSizeIfState
    bpfHostConntrackBypass bpfEnforceRPF bpfPolicyDebugEnabled bpfForceTrackPacketsFromIfaces
    bpfDisableGROForIfaces bpfExcludeCIDRsFromNAT bpfExportBufferSizeMB istioAmbientMode istioDSCPMark
    cgroupV2Path flowLogsPolicyEvaluationMode bpfRedirectToPeer bpfAttachType flowLogsFlushInterval
    flowLogsCollectorDebugTrace flowLogsGoldmaneServer flowLogsLocalReporter bpfProfiling routeSource
    routeTableRanges routeTableRange routeSyncDisabled ipv4NormalRoutePriority ipv4ElevatedRoutePriority
    ipv6NormalRoutePriority ipv6ElevatedRoutePriority liveMigrationRouteConvergenceTime wireguardEnabled
    wireguardEnabledV6 wireguardThreadingEnabled wireguardListeningPort wireguardListeningPortV6
    wireguardRoutingRulePriority wireguardInterfaceName wireguardInterfaceNameV6 wireguardMTU
    wireguardMTUV6 wireguardHostEncryptionEnabled wireguardKeepAlive awsSrcDstCheck
    serviceLoopPrevention workloadSourceSpoofing mtuIfacePattern floatingIPs windowsManageFirewallRules
    goGCThreshold goMemoryLimitMB goMaxProcs requireMTUFile bpfMaglevMaxEndpointsPerService
    bpfMaglevMaxServices
  `),
  IPAMConfigurationSpec: names(`
    strictAffinity maxBlocksPerHost autoAllocateBlocks kubeVirtVMAddressPersistence
  `),
  Template: names(`
    generateName interfaceCIDRs interfacePattern labels nodeSelector
  `),
  QoSControls: names(`
    ingressBandwidth ingressBurst ingressPeakrate ingressMinburst egressBandwidth egressBurst
    egressPeakrate egressMinburst ingressPacketRate ingressPacketBurst egressPacketRate
    egressPacketBurst ingressMaxConnections egressMaxConnections dscp
  `),
};

/** Names of a struct's fields in the order of the release; names without a place follow. */
export function fieldOrder(struct: string, declared: readonly string[], release: Release): readonly string[] {
  const order = (release.minor <= 15 ? upTo15 : newest)[struct];
  if (!order) return declared;
  const known = new Set(order);
  return [...order.filter((name) => declared.includes(name)), ...declared.filter((name) => !known.has(name))];
}
