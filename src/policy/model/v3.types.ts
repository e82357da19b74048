/** The parts of v3 specs that policy reads, as they come from the datastore: nothing is filled in, nothing is sure. */

/** A port as stored: number, `"80"`, `"min:max"` or a name. */
export type V3Port = number | string;

/** One side of a rule. */
export interface V3EntityRule {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly selector?: string;
  readonly notSelector?: string;
  readonly namespaceSelector?: string;
  readonly ports?: readonly V3Port[];
  readonly notPorts?: readonly V3Port[];
  readonly serviceAccounts?: { readonly names?: readonly string[]; readonly selector?: string };
  readonly services?: { readonly name: string; readonly namespace?: string };
}

/** ICMP type and code. */
export interface V3Icmp {
  readonly type?: number;
  readonly code?: number;
}

/** A rule of a policy or profile. */
export interface V3Rule {
  readonly action?: string;
  readonly ipVersion?: number;
  readonly protocol?: number | string;
  readonly notProtocol?: number | string;
  readonly icmp?: V3Icmp;
  readonly notICMP?: V3Icmp;
  readonly source?: V3EntityRule;
  readonly destination?: V3EntityRule;
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** What all policy kinds share. */
export interface V3PolicySpec {
  readonly tier?: string;
  readonly order?: number | null;
  readonly ingress?: readonly V3Rule[];
  readonly egress?: readonly V3Rule[];
  readonly types?: readonly string[];
  readonly selector?: string;
  readonly namespaceSelector?: string;
  readonly serviceAccountSelector?: string;
  readonly doNotTrack?: boolean;
  readonly preDNAT?: boolean;
  readonly applyOnForward?: boolean;
}

/** Profile.spec. */
export interface V3ProfileSpec {
  readonly ingress?: readonly V3Rule[];
  readonly egress?: readonly V3Rule[];
  readonly labelsToApply?: Readonly<Record<string, string>>;
}

/** A named port of an endpoint. */
export interface V3EndpointPort {
  readonly name?: string;
  readonly protocol?: number | string;
  readonly port?: number;
}

/** WorkloadEndpoint.spec. */
export interface V3WorkloadSpec {
  readonly orchestrator?: string;
  readonly workload?: string;
  readonly node?: string;
  readonly pod?: string;
  readonly endpoint?: string;
  readonly containerID?: string;
  readonly ipNetworks?: readonly string[];
  readonly ipNATs?: readonly { readonly internalIP?: string; readonly externalIP?: string }[];
  readonly profiles?: readonly string[];
  readonly interfaceName?: string;
  readonly mac?: string;
  readonly ports?: readonly V3EndpointPort[];
  readonly serviceAccountName?: string;
  readonly allowSpoofedSourcePrefixes?: readonly string[];
}

/** HostEndpoint.spec. */
export interface V3HostEndpointSpec {
  readonly node?: string;
  readonly interfaceName?: string;
  readonly expectedIPs?: readonly string[];
  readonly profiles?: readonly string[];
  readonly ports?: readonly V3EndpointPort[];
}
