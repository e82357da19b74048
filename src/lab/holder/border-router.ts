/** BIRD of a router outside the cluster. Pure. */
import type { LabBorderRouter } from '../topology.ts';

/** The configuration: takes and gives every route, and forwards by them. */
export function borderRouterConfig({ address, asNumber, neighbours }: LabBorderRouter): string {
  const sessions = neighbours.map(
    (neighbour, index) => `protocol bgp peer${index} {
  description "${neighbour.name}";
  local ${address} as ${asNumber};
  neighbor ${neighbour.address} as ${neighbour.asNumber};
  multihop;
  connect delay time 1;
  connect retry time 5;
  graceful restart on;
  ipv4 { import all; export where source = RTS_BGP; };
}
`,
  );
  return `router id ${address};
protocol device { scan time 2; }
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; persist; }
${sessions.join('')}`;
}
