/** What the rules depend on beside the program: the agent's parameters that shape rules, as one typed value. */
import type { FelixConfig } from '../config/felix-config.ts';

/** Mark bits, taken from the configured mask from the lowest. */
export interface Marks {
  /** The packet was accepted by policy. */
  readonly accept: number;
  /** The policy passed to the next tier. */
  readonly pass: number;
  readonly drop: number;
  readonly scratch0: number;
  readonly scratch1: number;
}

/** A failsafe port; `net` confines it to peers there, and so to one IP version. */
export interface Failsafe {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly net?: string;
}

/** See the file's comment. */
export interface RuleSettings {
  readonly dataplane: 'nftables' | 'iptables';
  readonly marks: Marks;
  readonly ipv6: boolean;
  readonly workloadPrefixes: readonly string[];
  readonly endpointToHost: 'drop' | 'return' | 'accept';
  readonly filterAllow: 'accept' | 'return';
  readonly mangleAllow: 'accept' | 'return';
  readonly filterDeny: 'drop' | 'reject';
  readonly failsafeIn: readonly Failsafe[];
  readonly failsafeOut: readonly Failsafe[];
  readonly logPrefix: string;
  readonly logRate: string | undefined;
  readonly logBurst: number;
  readonly dropInvalid: boolean;
  readonly allowVxlanFromWorkloads: boolean;
  readonly allowIpipFromWorkloads: boolean;
  readonly vxlanPort: number;
  readonly natPortRange: { readonly first: number; readonly last: number } | undefined;
  readonly natOutgoingAddress: string | undefined;
  readonly natOutgoingInterface: string | undefined;
  readonly natExcludesHosts: boolean;
  readonly floatingIps: boolean;
  readonly serviceLoop: 'drop' | 'reject' | 'disabled';
  readonly externalNodes: readonly string[];
  readonly spoofingAllowed: boolean;
  readonly maxIpsetSize: number;
  readonly appendChains: boolean;
}

/** The settings that a configuration asks for. */
export function ruleSettings(config: FelixConfig, dataplane: RuleSettings['dataplane']): RuleSettings {
  const nft = dataplane === 'nftables';
  const allow = (action: string): 'accept' | 'return' => (action === 'RETURN' ? 'return' : 'accept');
  const toHost = config.DefaultEndpointToHostAction;
  const loop = config.ServiceLoopPrevention;
  const denyAction = nft ? config.NftablesFilterDenyAction : config.IptablesFilterDenyAction;
  return {
    dataplane,
    marks: marksOf(nft ? config.NftablesMarkMask : config.IptablesMarkMask),
    ipv6: config.Ipv6Support,
    workloadPrefixes: config.InterfacePrefix,
    endpointToHost: toHost === 'ACCEPT' ? 'accept' : toHost === 'RETURN' ? 'return' : 'drop',
    filterAllow: allow(nft ? config.NftablesFilterAllowAction : config.IptablesFilterAllowAction),
    mangleAllow: allow(nft ? config.NftablesMangleAllowAction : config.IptablesMangleAllowAction),
    filterDeny: denyAction === 'REJECT' ? 'reject' : 'drop',
    failsafeIn: config.FailsafeInboundHostPorts,
    failsafeOut: config.FailsafeOutboundHostPorts,
    logPrefix: config.LogPrefix,
    logRate: config.LogActionRateLimit || undefined,
    logBurst: config.LogActionRateLimitBurst,
    dropInvalid: !config.DisableConntrackInvalidCheck,
    allowVxlanFromWorkloads: config.AllowVXLANPacketsFromWorkloads,
    allowIpipFromWorkloads: config.AllowIPIPPacketsFromWorkloads,
    vxlanPort: config.VXLANPort,
    natPortRange: config.NATPortRange,
    natOutgoingAddress: config.NATOutgoingAddress || undefined,
    natOutgoingInterface: config.IptablesNATOutgoingInterfaceFilter || undefined,
    natExcludesHosts: config.NATOutgoingExclusions === 'IPPoolsAndHostIPs',
    floatingIps: config.FloatingIPs === 'Enabled',
    serviceLoop: loop === 'Disabled' ? 'disabled' : loop === 'Reject' ? 'reject' : 'drop',
    externalNodes: config.ExternalNodesCIDRList,
    spoofingAllowed: config.WorkloadSourceSpoofing === 'Any',
    maxIpsetSize: config.MaxIpsetSize,
    appendChains: String(config.ChainInsertMode).toLowerCase() === 'append',
  };
}

/** Gives out the bits of a mask, the lowest first. A mask with fewer than five bits shares its last one. */
export function marksOf(mask: number): Marks {
  const bits: number[] = [];
  for (let bit = 0; bit < 32; bit++) if ((mask >>> bit) & 1) bits.push(2 ** bit);
  const at = (index: number): number => bits[Math.min(index, bits.length - 1)] ?? 0;
  return { accept: at(0), pass: at(1), drop: at(2), scratch0: at(3), scratch1: at(4) };
}
