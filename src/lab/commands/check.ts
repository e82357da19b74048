/** `calico lab check`. */
import type { CheckReport } from '../check/report.ts';
import { ask } from '../client.ts';
import { type LabCommand, parse, print, table } from './command.ts';

const usage = `Usage: calico lab check [--name NAME] [-o json]

Compares a lab with what its inventory says: BGP sessions, routes on every host, reachability of every pair of pods
(ICMP and TCP, both directions) and of every host from every pod, endpoints against interfaces; what border routers
learned, and clients behind them to every pod and back. Ends with 1 when
anything differs.

Examples:
  calico lab check
  calico lab check -o json
`;

const titles: Readonly<Record<keyof CheckReport['areas'], string>> = {
  sessions: 'BGP sessions',
  routes: 'routes on hosts',
  icmp: 'pod to pod, ICMP',
  tcp: 'pod to pod, TCP',
  'pod-to-host': 'pod to host, ICMP',
  endpoints: 'endpoints and interfaces',
  exports: 'routes told to border routers',
  clients: 'clients behind them, no NAT',
};

/** See the usage. */
export const check: LabCommand = {
  summary: 'compare a lab with its inventory',
  usage,
  run: async (argv) => {
    const { state, json } = parse(argv, {}, usage);
    const { report } = await ask(state, { op: 'check' }, 'check');
    print(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
    return report.differences.length === 0 ? 0 : 1;
  },
};

function describe({ areas, differences, milliseconds }: CheckReport): string {
  const shown = Object.entries(areas).filter(
    ([area, { expected }]) => expected > 0 || (area !== 'exports' && area !== 'clients'),
  );
  const rows = shown.map(([area, { expected, held }]) => [
    titles[area as keyof typeof areas],
    `${held} of ${expected}`,
    held === expected && !differences.some((one) => one.area === area) ? 'ok' : 'DIFFERS',
  ]);
  const overview = table(['WHAT', 'AS PLANNED', ''], rows);
  const seconds = (milliseconds / 1000).toFixed(1);
  if (differences.length === 0) return `${overview}\nEverything is as the inventory says (${seconds} s).\n`;
  const list = differences.map(({ where, what, expected, actual }) => [where, what, expected, actual]);
  return `${overview}\n${table(['WHERE', 'WHAT', 'EXPECTED', 'ACTUAL'], list)}\n${differences.length} differences (${seconds} s).\n`;
}
