/** Prometheus metrics: counters, gauges and summaries, and their text form. */
import type { MetricValues } from '../dataplane.ts';

type MetricType = 'counter' | 'gauge' | 'summary';

interface Metric {
  readonly type: MetricType;
  readonly help: string;
  /** By label text (`{ip_version="4"}` or empty). */
  readonly samples: Map<string, { value: number; count: number }>;
}

/** Labels of a sample. */
export type Labels = Readonly<Record<string, string | number>>;

/** Metrics by name. A metric is described once, and shows from its first sample on (counters and summaries from 0). */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();

  /** Describes a metric. */
  describe(name: string, type: MetricType, help: string): void {
    const samples = new Map<string, { value: number; count: number }>();
    this.#metrics.set(name, { type, help, samples });
    if (type !== 'gauge') samples.set('', { value: 0, count: 0 });
  }

  /** Adds to a counter. */
  add(name: string, amount = 1, labels: Labels = {}): void {
    this.#sample(name, labels).value += amount;
  }

  /** Sets a gauge. */
  set(name: string, value: number, labels: Labels = {}): void {
    this.#sample(name, labels).value = value;
  }

  /** Adds an observation to a summary. */
  observe(name: string, value: number, labels: Labels = {}): void {
    const sample = this.#sample(name, labels);
    sample.value += value;
    sample.count++;
  }

  /** Value of a counter or gauge, sum of a summary. */
  value(name: string, labels: Labels = {}): number | undefined {
    return this.#metrics.get(name)?.samples.get(labelText(labels))?.value;
  }

  /** The text exposition, with samples of others (`name{labels}` → value) appended. */
  render(...others: readonly MetricValues[]): string {
    const lines: string[] = [];
    for (const [name, metric] of [...this.#metrics].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const samples = [...metric.samples].filter(([labels]) => labels !== '' || metric.samples.size === 1);
      if (samples.length === 0) continue;
      lines.push(`# HELP ${name} ${metric.help}`, `# TYPE ${name} ${metric.type}`);
      for (const [labels, { value, count }] of samples) {
        if (metric.type !== 'summary') lines.push(`${name}${labels} ${value}`);
        else lines.push(`${name}_sum${labels} ${value}`, `${name}_count${labels} ${count}`);
      }
    }
    for (const values of others) for (const [name, value] of values) lines.push(`${name} ${value}`);
    return `${lines.join('\n')}\n`;
  }

  #sample(name: string, labels: Labels): { value: number; count: number } {
    const metric = this.#metrics.get(name);
    if (!metric) throw new Error(`the metric ${name} has no description`);
    const key = labelText(labels);
    let sample = metric.samples.get(key);
    if (!sample) {
      sample = { value: 0, count: 0 };
      metric.samples.set(key, sample);
    }
    return sample;
  }
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${String(value).replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`,
  );
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** Describes the agent's metrics under Felix's names; those of the packet filter come from the dataplane. */
export function agentMetrics(hostname: string): Metrics {
  const metrics = new Metrics();
  metrics.describe('felix_host', 'gauge', 'Configured Felix hostname.');
  metrics.set('felix_host', 1, { host: hostname });
  metrics.describe('felix_active_local_endpoints', 'gauge', 'Number of active endpoints on this host.');
  metrics.describe('felix_active_local_policies', 'gauge', 'Number of active policies on this host.');
  metrics.describe('felix_cluster_num_hosts', 'gauge', 'Total number of hosts in the cluster.');
  metrics.describe(
    'felix_int_dataplane_apply_time_seconds',
    'summary',
    'Time in seconds that it took to apply a dataplane update.',
  );
  metrics.describe(
    'felix_int_dataplane_initial_resync_time_seconds',
    'gauge',
    'Time in seconds that the first dataplane resync took.',
  );
  metrics.describe(
    'felix_int_dataplane_failures',
    'counter',
    'Number of times dataplane updates failed and will be retried.',
  );
  metrics.describe('felix_int_dataplane_messages', 'counter', 'Number of dataplane messages by type.');
  metrics.describe(
    'felix_int_dataplane_msg_batch_size',
    'summary',
    'Number of messages processed in each batch.',
  );
  metrics.describe(
    'felix_int_dataplane_iface_msg_batch_size',
    'summary',
    'Number of interface state messages processed in each batch.',
  );
  metrics.describe(
    'felix_int_dataplane_addr_msg_batch_size',
    'summary',
    'Number of interface address messages processed in each batch.',
  );
  metrics.describe('felix_route_table_num_routes', 'gauge', 'Number of routes that the agent programs.');
  metrics.describe(
    'felix_route_table_num_ifaces',
    'gauge',
    'Number of interfaces that the agent programs routes on.',
  );
  metrics.describe(
    'felix_route_table_resync_seconds',
    'summary',
    'Time taken to read and repair the routes.',
  );
  metrics.describe('felix_dataplane_drift', 'counter', 'Objects found changed by others and repaired.');
  return metrics;
}
