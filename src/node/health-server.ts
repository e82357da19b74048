/**
 * `/liveness` and `/readiness` for the kubelet and for probes, `/metrics` for Prometheus.
 * Upstream: libcalico-go/lib/health.
 */
import { createServer, type Server } from 'node:http';
import { CalicoError, messageOf } from '../errors.ts';

/** What one part of the daemon reports. */
export interface HealthReport {
  readonly name: string;
  readonly live: boolean;
  readonly ready: boolean;
  readonly detail?: string;
}

/** The reports of all parts, at the moment of the request. */
export type HealthSource = () => readonly HealthReport[];

/** A text table as upstream's, one line per part. */
export function renderHealth(reports: readonly HealthReport[], which: 'live' | 'ready'): string {
  const rows = reports.map((one) => [one.name, one[which] ? 'ok' : `not ${which}`, one.detail ?? '']);
  const header = ['COMPONENT', which === 'live' ? 'LIVENESS' : 'READINESS', 'DETAIL'];
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return `${all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

/** What listens where. */
export interface HealthListener {
  close(): void;
}

/**
 * Listens for probes. A port that is taken is an error: two agents on one host must not answer for each other.
 * @throws CalicoError INPUT naming host and port
 */
export async function serveHealth(host: string, port: number, source: HealthSource): Promise<HealthListener> {
  const server = createServer((request, response) => {
    const which = request.url === '/liveness' ? 'live' : request.url === '/readiness' ? 'ready' : undefined;
    if (!which) {
      response.writeHead(404).end();
      return;
    }
    const reports = source();
    const good = reports.every((one) => one[which]);
    response.writeHead(good ? 200 : 503, { 'Content-Type': 'text/plain' }).end(renderHealth(reports, which));
  });
  return listen(server, host, port, 'health', 'FELIX_HEALTHHOST and FELIX_HEALTHPORT');
}

/** Serves the Prometheus text exposition on `/metrics`. */
export async function serveMetrics(
  host: string,
  port: number,
  render: () => string,
): Promise<HealthListener> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') response.writeHead(404).end();
    else
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(render());
  });
  return listen(server, host, port, 'metrics', 'FELIX_PROMETHEUSMETRICSHOST and FELIX_PROMETHEUSMETRICSPORT');
}

async function listen(
  server: Server,
  host: string,
  port: number,
  what: string,
  settings: string,
): Promise<HealthListener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new CalicoError(
          'INPUT',
          `cannot listen for ${what} on ${host || '*'} port ${port}: ${messageOf(error)}`,
          {
            cure: `Another process (a second calico-node?) holds it: stop that, or set ${settings}.`,
          },
        ),
      ),
    );
    server.listen(port, host || undefined, resolve);
  });
  server.unref();
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
