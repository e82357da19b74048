/**
 * Files that tell the CNI plugin of an endpoint that is up: `<prefix>/endpoint-status/<orch> <workload> <endpoint>`.
 * Upstream: felix/statusrep/endpoint_file_reporter.go.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkloadProgram } from '../../policy/index.ts';

/** Keeps the folder as the endpoints that are up. */
export class EndpointStatusFiles {
  readonly #folder: string;
  readonly #written = new Map<string, string>();
  #swept = false;

  constructor(prefix: string) {
    this.#folder = join(prefix, 'endpoint-status');
  }

  /** Writes files of endpoints that came up, removes those that are not up; the first call removes stale ones. */
  update(up: ReadonlyMap<string, WorkloadProgram>): void {
    if (!this.#swept) {
      mkdirSync(this.#folder, { recursive: true, mode: 0o755 });
      for (const name of readdirSync(this.#folder)) this.#written.set(name, '');
      this.#swept = true;
    }
    const wanted = new Map([...up.values()].map((workload) => [fileName(workload.id), content(workload)]));
    for (const [name, text] of wanted) {
      if (this.#written.get(name) === text) continue;
      const target = join(this.#folder, name);
      writeFileSync(`${target}.new`, text);
      renameSync(`${target}.new`, target);
      this.#written.set(name, text);
    }
    for (const name of this.#written.keys()) {
      if (wanted.has(name)) continue;
      rmSync(join(this.#folder, name), { force: true });
      this.#written.delete(name);
    }
  }
}

function fileName(id: WorkloadProgram['id']): string {
  return [id.orchestrator, id.workload, id.endpoint].map(encodeURIComponent).join(' ');
}

function content(workload: WorkloadProgram): string {
  return JSON.stringify({
    ifaceName: workload.interfaceName,
    mac: workload.mac ?? '',
    ipv4Nets: workload.ipv4Nets,
    ipv6Nets: workload.ipv6Nets,
  });
}
