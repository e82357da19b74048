/** Traffic control settings of a pod's annotations. Upstream: libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go. */
import type { WorkloadEndpointSpec } from '../../resources/index.ts';

type Texts = Readonly<Record<string, string>>;
type Controls = { -readonly [K in keyof NonNullable<WorkloadEndpointSpec['qosControls']>]: number };

const prefix = 'qos.projectcalico.org/';
const giga = 1024 ** 3;
const limits = {
  bandwidth: [1_000, 1e15],
  burst: [1_000, 34_359_738_360],
  peakrate: [1_010, 1.01e15],
  minburst: [1_000, 1e8],
  packetRate: [1, 10_000],
  packetBurst: [1, 10_000],
  connections: [1, 2 ** 32 - 1],
} as const;

const scale: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: giga,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** The controls; `undefined` when the pod asks for none. Values out of range are taken to the nearest bound. */
export function qosControls(annotations: Texts): WorkloadEndpointSpec['qosControls'] {
  const controls: Partial<Controls> = {};
  for (const side of ['ingress', 'egress'] as const) {
    const read = (name: string, limit: readonly [number, number]) =>
      bounded(annotations[`${prefix}${side}${name}`], limit);
    const bandwidth =
      read('Bandwidth', limits.bandwidth) ??
      bounded(annotations[`kubernetes.io/${side}-bandwidth`], limits.bandwidth);
    if (bandwidth !== undefined) {
      controls[`${side}Bandwidth`] = bandwidth;
      controls[`${side}Burst`] = read('Burst', limits.burst) ?? 4 * giga;
      const peakrate = read('Peakrate', limits.peakrate);
      if (peakrate !== undefined && peakrate > bandwidth) {
        controls[`${side}Peakrate`] = peakrate;
        const minburst = read('Minburst', limits.minburst);
        if (minburst !== undefined) controls[`${side}Minburst`] = minburst;
      }
    }
    const rate = read('PacketRate', limits.packetRate);
    if (rate !== undefined) {
      controls[`${side}PacketRate`] = rate;
      controls[`${side}PacketBurst`] = read('PacketBurst', limits.packetBurst) ?? 5;
    }
    const connections = read('MaxConnections', limits.connections);
    if (connections !== undefined) controls[`${side}MaxConnections`] = connections;
  }
  const dscp = dscpOf(annotations[`${prefix}dscp`]);
  if (dscp !== undefined) controls.dscp = dscp;
  return Object.keys(controls).length === 0 ? undefined : controls;
}

/** A quantity of Kubernetes (`10M`, `1Gi`, `5e3`), taken to the bounds. */
function bounded(text: string | undefined, [least, most]: readonly [number, number]): number | undefined {
  const match = /^([0-9.]+(?:[eE][+-]?\d+)?)(m|[kMGTPE]|[KMGTPE]i)?$/.exec(text ?? '');
  if (!match) return undefined;
  const value = Math.ceil(Number(match[1]) * scale[match[2] ?? '']!);
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : undefined;
}

function dscpOf(text: string | undefined): number | undefined {
  if (!text || !/^\d+$/.test(text)) return undefined;
  return Number(text) <= 63 ? Number(text) : undefined;
}
