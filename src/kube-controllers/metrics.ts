/** Metrics of address management, counted when they are asked for. */
import { createServer, type Server } from 'node:http';
import type { Datastore } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import { cidrSize } from '../ip/index.ts';
import { audit, type IpamState, readIpamState } from '../ipam/index.ts';

/** Serves `/metrics`. */
export function serveMetrics(
  port: number,
  store: Datastore,
  log: (level: 'warn', message: string) => void,
): Server {
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    readIpamState(store).then(
      (state) => {
        response.setHeader('content-type', 'text/plain; version=0.0.4');
        response.end(ipamMetrics(state));
      },
      (error: unknown) => response.writeHead(503).end(`${messageOf(error)}\n`),
    );
  });
  server.on('error', (error) => log('warn', `metrics on port ${port}: ${messageOf(error)}`));
  server.listen(port);
  return server;
}

/** The text that Prometheus reads. */
export function ipamMetrics(state: IpamState): string {
  const used = new Map<string, number>();
  const borrowed = new Map<string, number>();
  for (const { node = '', borrowed: away } of audit(state).allocations) {
    used.set(node, (used.get(node) ?? 0) + 1);
    if (away) borrowed.set(node, (borrowed.get(node) ?? 0) + 1);
  }
  const blocks = new Map<string, number>();
  for (const { host } of state.affinities.filter(({ virtual }) => !virtual))
    blocks.set(host, (blocks.get(host) ?? 0) + 1);
  const lines = [
    ...gauge('ipam_allocations_per_node', 'Number of addresses in use by node', 'node', used),
    ...gauge('ipam_allocations_borrowed_per_node', 'Number of borrowed addresses by node', 'node', borrowed),
    ...gauge('ipam_blocks_per_node', 'Number of blocks by node', 'node', blocks),
    ...gauge(
      'ipam_ippool_size',
      'Number of addresses of a pool',
      'ippool',
      new Map(state.pools.map(({ name, cidr }) => [name, cidrSize(cidr)])),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function gauge(
  name: string,
  help: string,
  label: string,
  values: ReadonlyMap<string, number | bigint>,
): readonly string[] {
  const rows = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...rows.map(([value, count]) => `${name}{${label}="${value}"} ${count}`),
  ];
}
