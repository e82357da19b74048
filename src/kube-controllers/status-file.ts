/** The status file, which probes read. Upstream: kube-controllers/pkg/status. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Datastore } from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import type { KubernetesClient } from '../kubernetes-api/index.ts';

/** Where manifests look. */
export const defaultStatusFile = '/status/status.json';

interface Condition {
  readonly Ready: boolean;
  readonly Reason: string;
}

const goodPause = 10_000;
const badPause = 2_000;
const firstTimeout = 4_000;
const lastTimeout = 16_000;

/** Conditions by name, written when one changes. */
export class StatusFile {
  readonly #path: string;
  readonly #conditions = new Map<string, Condition>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Sets a condition. */
  set(name: string, ready: boolean, reason: string): void {
    const before = this.#conditions.get(name);
    if (before?.Ready === ready && before.Reason === reason) return;
    this.#conditions.set(name, { Ready: ready, Reason: reason });
    const sorted = [...this.#conditions].sort(([a], [b]) => (a < b ? -1 : 1));
    mkdirSync(dirname(this.#path), { recursive: true });
    // A probe must never see half of it.
    writeFileSync(`${this.#path}.new`, JSON.stringify({ Readiness: Object.fromEntries(sorted) }));
    renameSync(`${this.#path}.new`, this.#path);
  }

  /** Checks both servers until the returned function is called. */
  watch(calico: Datastore, api: KubernetesClient): () => void {
    let timer: NodeJS.Timeout | undefined;
    let timeout = firstTimeout;
    let ended = false;
    const check = async (name: string, ask: () => Promise<string>): Promise<boolean> => {
      const reason = await ask().catch(messageOf);
      if (!ended) this.set(name, reason === '', reason);
      return reason === '';
    };
    const round = async () => {
      const good = await Promise.all([
        check('CalicoDatastore', async () => {
          const key = { type: 'resource', kind: 'ClusterInformation', name: 'default' } as const;
          return (await calico.get(key, { timeout })) ? '' : 'ClusterInformation default is missing';
        }),
        check('KubeAPIServer', async () => {
          const response = await api.transport.send({ method: 'GET', path: '/healthz', timeout });
          return response.status === 200 ? '' : `Error reaching apiserver: status code ${response.status}`;
        }),
      ]);
      const fine = good.every(Boolean);
      timeout = fine ? firstTimeout : Math.min(lastTimeout, timeout * 2);
      if (!ended) timer = setTimeout(() => void round(), fine ? goodPause : badPause);
    };
    void round();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }
}

/** What the file says: ready when all conditions are. */
export function readStatus(path: string): { readonly ready: boolean; readonly text: string } {
  try {
    const { Readiness = {} } = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly Readiness?: Readonly<Record<string, Condition>>;
    };
    const bad = Object.entries(Readiness).filter(([, { Ready }]) => !Ready);
    if (bad.length === 0) return { ready: true, text: 'Ready' };
    return { ready: false, text: bad.map(([name, { Reason }]) => `${name}: ${Reason}`).join('; ') };
  } catch (error) {
    return { ready: false, text: `cannot read ${path}: ${messageOf(error)}` };
  }
}
