/** How large packets may be. Pure. Upstream: felix/dataplane/linux/int_dataplane.go (MTU detection). */

/** An interface of the host as MTU detection sees it. */
export interface MtuInterface {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
}

/** What the encapsulations take from each packet. */
export const overhead = { ipip: 20, vxlan: 50, vxlanV6: 70, wireguard: 60, wireguardV6: 80 } as const;

/** Assumed where no interface matches. */
const fallbackMtu = 1460;

/** Settings in force; 0 leaves a tunnel's MTU to detection. */
export interface MtuSettings {
  readonly pattern: string;
  readonly ipip: number;
  readonly vxlan: number;
  readonly vxlanV6: number;
}

/** The encapsulations that are on. */
export interface MtuEncapsulation {
  readonly ipip: boolean;
  readonly vxlan: boolean;
  readonly vxlanV6: boolean;
}

/** The MTUs in force. */
export interface Mtus {
  readonly host: number;
  readonly ipip: number;
  readonly vxlan: number;
  readonly vxlanV6: number;
  /** For pods: the smallest of the encapsulations that are on, else the host's. */
  readonly pod: number;
}

/** Works out the MTUs. */
export function detectMtus(
  interfaces: Iterable<MtuInterface>,
  settings: MtuSettings,
  encapsulation: MtuEncapsulation,
): Mtus {
  const pattern = new RegExp(settings.pattern);
  let host = Number.POSITIVE_INFINITY;
  for (const one of interfaces) if (one.up && pattern.test(one.name)) host = Math.min(host, one.mtu);
  if (!Number.isFinite(host)) host = fallbackMtu;
  const ipip = settings.ipip || host - overhead.ipip;
  const vxlan = settings.vxlan || host - overhead.vxlan;
  const vxlanV6 = settings.vxlanV6 || host - overhead.vxlanV6;
  const enabled = [
    ...(encapsulation.ipip ? [ipip] : []),
    ...(encapsulation.vxlan ? [vxlan] : []),
    ...(encapsulation.vxlanV6 ? [vxlanV6] : []),
  ];
  return { host, ipip, vxlan, vxlanV6, pod: enabled.length === 0 ? host : Math.min(...enabled) };
}
