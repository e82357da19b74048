/**
 * Replays kube-controllers: the same deeds on a Kubernetes API and an etcd, both in memory; after each step Calico's
 * resources must be those that upstream had left. When upstream wrote what is no contract; what it wrote is.
 */
import { randomUUID } from 'node:crypto';
import {
  formatJson,
  type Json,
  KubernetesDatastore,
  keyOfPath,
  MemoryKv,
  memoryDatastore,
  parseJson,
} from '../../../src/datastore/index.ts';
import { CalicoError, messageOf } from '../../../src/errors.ts';
import {
  applyWrites,
  type ControllerSettings,
  calicoQueries,
  deletionOf,
  ensureInitialised,
  goneNodes,
  kubernetesQueries,
  loadConfiguration,
  Objects,
  reconcile,
} from '../../../src/kube-controllers/index.ts';
import { FakeApi, KubernetesClient } from '../../../src/kubernetes-api/index.ts';
import type { Outcome } from '../corpus.ts';
import { type Deed, perform } from './deeds.ts';

interface Event {
  readonly op: string;
  readonly key: string;
  readonly value?: Json;
}

interface ControllerStep {
  readonly start?: Readonly<Record<string, string>>;
  readonly stop?: string;
  readonly exit?: number | null;
  readonly exited?: unknown;
  readonly kubernetes?: readonly Deed[];
  readonly put?: Readonly<Record<string, Json>>;
  readonly delete?: readonly string[];
  readonly events: readonly Event[];
}

/** A recorded scenario. */
export interface ControllerScenario {
  readonly scenario: string;
  readonly steps: readonly ControllerStep[];
}

const stamps = { now: () => new Date(), uuid: randomUUID };

const noDaemonSet = 'kube-controllers wait for no DaemonSet';
const atOnce = 'kube-controllers repair at once';

const accepted: Readonly<Record<string, string>> = {
  'no-daemonset': noDaemonSet,
  'boot-kubespray-data': noDaemonSet,
  'config-changes': noDaemonSet,
  'stale-at-start': noDaemonSet,
  'enabled-node': noDaemonSet,
  'enabled-unset': noDaemonSet,
  tampering: atOnce,
  pods: atOnce,
  restart: atOnce,
  'node-labels': atOnce,
  'auto-hep': atOnce,
  'auto-hep-config': atOnce,
};

const unbuilt: Readonly<Record<string, string>> = {
  loadbalancer: 'there is no load balancer controller yet',
  'ipam-gc': 'garbage collection by the clock; its judgement is tested in src/kube-controllers',
  'enabled-loadbalancer': 'there is no load balancer controller yet',
};

/** See the module's comment. */
export async function replayController({ scenario, steps }: ControllerScenario): Promise<Outcome> {
  const why = unbuilt[scenario];
  if (why !== undefined) return { result: 'open', why };
  const world = new World();
  const recorded = new Map<string, Json | undefined>();
  const differences: string[] = [];
  for (const [i, step] of steps.entries()) {
    for (const [path, value] of Object.entries(step.put ?? {})) recorded.set(path, value);
    for (const path of step.delete ?? []) recorded.delete(path);
    for (const { op, key, value } of step.events) {
      if (op === 'delete') recorded.delete(key);
      else recorded.set(key, value);
    }
    const exit = await world.run(step);
    if (step.start && exit !== undefined && exit !== step.exit)
      differences.push(`[${i}] exit ${step.exit} recorded, ${exit} here`);
    const found = compare(recorded, await world.resources());
    differences.push(...found.map((text) => `[${i}] ${text}`));
  }
  if (differences.length === 0) return { result: 'agree' };
  const diff = differences.join('\n');
  const reason = accepted[scenario];
  return reason === undefined ? { result: 'differ', diff } : { result: 'accepted', reason, diff };
}

/** Both servers with the controllers. */
class World {
  readonly #api = new FakeApi();
  readonly #kv = new MemoryKv();
  readonly #calico = memoryDatastore(this.#kv);
  readonly #kubernetes = new KubernetesDatastore(new KubernetesClient(this.#api));
  #settings: ControllerSettings | undefined;
  #env: Readonly<Record<string, string>> = {};

  constructor() {
    for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system'])
      this.#api.seed('/api/v1/namespaces', {
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      });
  }

  /** Does what the test did, then what the controllers do; the exit code if they end. */
  async run(step: ControllerStep): Promise<number | undefined> {
    for (const deed of step.kubernetes ?? []) await perform(this.#api, deed);
    for (const [path, value] of Object.entries(step.put ?? {}))
      await this.#kv.put(
        path,
        new TextEncoder().encode(typeof value === 'string' ? value : formatJson(value)),
      );
    for (const path of step.delete ?? []) await this.#calico.delete(keyOfPath(path));
    if (step.stop !== undefined || step.exited !== undefined) this.#settings = undefined;
    if (step.start) this.#env = step.start;
    if (!step.start && !this.#settings && step.exited === undefined) return undefined;
    try {
      if (step.start) await ensureInitialised(this.#calico, stamps);
      const { settings } = await loadConfiguration(this.#calico, this.#env, stamps);
      if (step.start) this.#settings = settings;
    } catch (error) {
      if (error instanceof CalicoError && error.code === 'INPUT') return 1;
      throw error;
    }
    if (this.#settings) await this.#settle(this.#settings);
    return undefined;
  }

  async #settle(settings: ControllerSettings): Promise<void> {
    for (let round = 0; round < 10; round++) {
      const kubernetes = await read(this.#kubernetes, kubernetesQueries);
      const calico = await read(this.#calico, calicoQueries);
      const writes = [
        ...reconcile({ kubernetes, calico, settings, copies: true, onInvalid: () => undefined }),
        ...(settings.enabled.has('node')
          ? goneNodes(kubernetes, calico).flatMap((node) => deletionOf(node, calico))
          : []),
      ];
      if (writes.length === 0) return;
      await applyWrites(this.#calico, writes, stamps, () => undefined);
    }
    throw new Error('the controllers never come to rest');
  }

  async resources(): Promise<ReadonlyMap<string, Json>> {
    const { pairs } = await this.#kv.range({ key: '\0', end: '\uffff' });
    return new Map(
      pairs.flatMap(({ key, value }) => {
        try {
          return [[key, parseJson(new TextDecoder().decode(value)) as Json] as const];
        } catch (error) {
          return [[key, messageOf(error)] as const];
        }
      }),
    );
  }
}

async function read(
  store: Parameters<typeof applyWrites>[0],
  queries: typeof calicoQueries,
): Promise<Objects> {
  const objects = new Objects();
  for (const query of queries)
    for (const kv of (await store.list(query)).items) objects.apply({ type: 'put', kv });
  return objects;
}

/** Kinds whose first writes the recordings leave out. */
const bootData = /\/(clusterinformations|tiers|kubecontrollersconfigurations)\//;

function compare(recorded: ReadonlyMap<string, Json | undefined>, here: ReadonlyMap<string, Json>): string[] {
  const differences: string[] = [];
  for (const path of [...new Set([...recorded.keys(), ...here.keys()])].sort()) {
    if (!path.startsWith('/calico/resources/')) continue;
    const a = recorded.get(path);
    const b = here.get(path);
    if (!recorded.has(path)) {
      if (!bootData.test(path) && !/profiles\/kns\.(default|kube-)/.test(path))
        differences.push(`only here: ${path}`);
    } else if (b === undefined) differences.push(`only recorded: ${path}`);
    else if (a !== undefined && text(a) !== text(b))
      differences.push(`${path}\n  recorded: ${text(a)}\n  here:     ${text(b)}`);
  }
  return differences;
}

function text(value: Json): string {
  return JSON.stringify(canonical(value))
    .replace(/"uid":"[^"]*"/g, '"uid":""')
    .replace(/"creationTimestamp":"[^"]*"/g, '"creationTimestamp":""')
    .replace(/"clusterGUID":"[^"]*"/g, '"clusterGUID":""');
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, canonical(member)] as const)
      .filter(
        ([, member]) =>
          member !== undefined &&
          member !== null &&
          member !== '' &&
          !(typeof member === 'object' && Object.keys(member).length === 0),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
