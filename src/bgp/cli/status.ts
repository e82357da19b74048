/** `calico bgp status`. */
import type { Datastore } from '../../datastore/port.ts';
import { loadCluster } from '../load-cluster.ts';
import { PeeringGraph } from '../peering/peering.ts';
import { modelOfCluster } from '../proof/from-state.ts';
import {
  type ClusterSession,
  compareCluster,
  type PublishedStatus,
  parsePublishedStatus,
  statusPrefix,
} from '../status/report.ts';
import { columns } from './columns.ts';

/** What to show. */
export interface StatusOptions {
  readonly json: boolean;
  readonly downOnly: boolean;
  readonly node: string | undefined;
}

/** Prints the sessions of the cluster; 0 when all are up. */
export async function bgpStatus(store: Datastore, options: StatusOptions): Promise<number> {
  const cluster = await loadCluster(store);
  const reports = new Map<string, PublishedStatus>();
  for (const { value } of (await store.list({ type: 'raw', prefix: statusPrefix })).items) {
    const report = parsePublishedStatus(value as never);
    if (report) reports.set(report.node, report);
  }
  const peerings = [...new PeeringGraph(cluster).all()];
  const { broken } = modelOfCluster(cluster, peerings);
  const sessions = compareCluster(peerings, reports, broken).filter(
    (one) => options.node === undefined || one.node === options.node,
  );
  const down = sessions.filter((one) => one.state !== 'Established');
  const problems = [
    ...cluster.problems.map(({ object, message }) => `${object}: ${message}`),
    ...[...reports.values()].flatMap(({ node, health }) => health.map((one) => `${node}: ${one}`)),
  ];
  const shown = options.downOnly ? down : sessions;
  if (options.json) process.stdout.write(`${JSON.stringify({ sessions: shown, problems }, null, 2)}\n`);
  else process.stdout.write(text(shown, sessions.length, down.length, problems));
  return down.length === 0 ? 0 : 1;
}

function text(
  shown: readonly ClusterSession[],
  total: number,
  down: number,
  problems: readonly string[],
): string {
  const rows = shown.map((one) => [
    one.node,
    one.peer,
    one.type,
    one.state,
    one.since,
    String(one.received),
    String(one.sent),
    one.state === 'Established' ? one.because : one.why,
  ]);
  const heading = ['NODE', 'PEER', 'TYPE', 'STATE', 'SINCE', 'RECEIVED', 'SENT', 'BECAUSE / WHY DOWN'];
  return [
    rows.length > 0 ? columns(heading, rows) : '',
    `${total - down} of ${total} ends of sessions are Established.\n`,
    ...[...new Set(problems)].map((one) => `! ${one}\n`),
  ].join('');
}
