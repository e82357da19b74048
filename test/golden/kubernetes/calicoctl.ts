/** Replays calicoctl on an API server in memory, with the comparison of the corpus `calicoctl`. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCalicoctl } from '../../../src/calicoctl/index.ts';
import { KubernetesDatastore } from '../../../src/datastore/index.ts';
import { CalicoError } from '../../../src/errors.ts';
import { FakeApi, KubernetesClient, type KubernetesObject } from '../../../src/kubernetes-api/index.ts';
import { compareStep, normalise } from '../calicoctl/compare.ts';
import { fakeHost } from '../calicoctl/fake-host.ts';
import type { Ran, Step } from '../calicoctl/replay.ts';
import type { Outcome } from '../corpus.ts';
import { acceptedOnApi } from './accepted.ts';
import { type Deed, perform } from './deeds.ts';

/** A step on Kubernetes. */
export interface ApiStep extends Step {
  readonly k8sDo?: readonly Deed[];
  readonly changed?: Readonly<Record<string, KubernetesObject | null>>;
}

/** A recorded scenario. */
export interface ApiScenario {
  readonly scenario: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  readonly objectsBefore?: Readonly<Record<string, KubernetesObject>>;
  readonly steps: readonly ApiStep[];
}

/** See the module's comment. */
export async function replayOnApi(scenario: ApiScenario): Promise<Outcome> {
  const api = new FakeApi({ checkNamespaces: true });
  const before = Object.entries(scenario.objectsBefore ?? {}).sort(
    ([, a], [, b]) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion),
  );
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
    if (!before.some(([path]) => path === `/api/v1/namespaces/${name}`))
      api.seed('/api/v1/namespaces', {
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      });
  for (const [path, object] of before) api.seed(path.slice(0, path.lastIndexOf('/')), object);
  const cwd = mkdtempSync(join(tmpdir(), 'calicoctl-replay-'));
  writeFileSync(join(cwd, '<KUBECONFIG>'), '{}');
  const differences: { readonly text: string; readonly step: ApiStep; readonly index: number }[] = [];
  const runs: Ran[] = [];
  try {
    for (const [index, step] of scenario.steps.entries()) {
      for (const deed of step.k8sDo ?? []) await perform(api, deed);
      for (const [name, text] of Object.entries(step.files ?? {})) {
        mkdirSync(dirname(join(cwd, name)), { recursive: true });
        writeFileSync(join(cwd, name), text);
      }
      const earlier = api.contents();
      const ran = await runStep(scenario, step, runs, api, cwd);
      runs.push(ran);
      const found = compareStep(withoutEchoes(step), withVersions(ran), cwd);
      found.push(...compareObjects(scenario, step, earlier, api.contents()));
      differences.push(...found.map((text) => ({ text, step, index })));
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
  if (differences.length === 0) return { result: 'agree' };
  const reasons = differences.map(({ step, text, index }) => acceptedOnApi(scenario, step, text, index));
  const diff = differences
    .map(
      ({ index, step, text }, i) =>
        `[${index}] ${step.argv.join(' ')}${reasons[i] ? ' (accepted)' : ''}\n${text}`,
    )
    .join('\n');
  const [first] = reasons;
  return first !== undefined && reasons.every((reason) => reason !== undefined)
    ? { result: 'accepted', reason: first, diff }
    : { result: 'differ', diff };
}

async function runStep(
  scenario: ApiScenario,
  step: ApiStep,
  runs: readonly Ran[],
  api: FakeApi,
  cwd: string,
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  let sleeps = 0;
  const stop = new AbortController();
  const env: Record<string, string | undefined> = {
    CALICOCTL_RELEASE: scenario.version,
    HOME: join(cwd, '.home'),
    ...scenario.env,
  };
  for (const [name, value] of Object.entries(step.env ?? {})) env[name] = value ?? undefined;
  const from = step.stdinFrom;
  let stdin =
    from?.step === undefined ? (step.stdin ?? '') : (runs[from.step]?.[from.stream ?? 'stdout'] ?? '');
  for (const [pattern, replacement] of from?.subs ?? [])
    stdin = stdin.replace(new RegExp(pattern, 'gm'), replacement.replace(/\\(\d)/g, '$$$1'));
  const exit = await runCalicoctl(step.argv, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => stdin,
    env,
    cwd,
    program: 'calicoctl',
    connect: async (config) => {
      if (config.kubeconfig !== '<KUBECONFIG>' && config.k8sAPIEndpoint !== '<K8S-API>')
        throw new CalicoError('DATASTORE', `cannot reach ${config.kubeconfig ?? config.k8sAPIEndpoint}`);
      const store = new KubernetesDatastore(new KubernetesClient(api), {
        usePodCidr: /^(1|true)$/.test(config.k8sUsePodCIDR ?? ''),
      });
      store.close = () => undefined;
      return store;
    },
    now: () => new Date(),
    uuid: randomUUID,
    sleep: async () => {
      if (++sleeps > 5) stop.abort();
    },
    signal: stop.signal,
    host: async () => fakeHost(),
  });
  return { exit, stdout, stderr };
}

const versions = (text: string) => text.replace(/(resourceVersion"?: ?"?)\d*\/\d*"?/g, '$1<RV>');

function withVersions(ran: Ran): Ran {
  return { ...ran, stdout: versions(ran.stdout), stderr: versions(ran.stderr) };
}

/** Warnings of the API that a library of upstream's prints are no text of calicoctl. */
function withoutEchoes(step: ApiStep): ApiStep {
  const stderr = step.stderr.replace(/^<KLOG.*\n?/gm, '');
  return { ...step, stdout: versions(step.stdout), stderr: versions(stderr) };
}

function compareObjects(
  scenario: ApiScenario,
  step: ApiStep,
  before: Readonly<Record<string, KubernetesObject>>,
  after: Readonly<Record<string, KubernetesObject>>,
): string[] {
  const changed = step.changed ?? {};
  const differences: string[] = [];
  const old = scenario.version.startsWith('v3.15');
  const paths = new Set([...Object.keys(changed), ...Object.keys(after), ...Object.keys(before)]);
  for (const path of [...paths].sort()) {
    const isWritten = before[path]?.metadata.resourceVersion !== after[path]?.metadata.resourceVersion;
    if (!(path in changed)) {
      if (isWritten && essence(before[path], old) !== essence(after[path], old))
        differences.push(`objects: only here: ${path} = ${essence(after[path], old)}`);
      continue;
    }
    const recorded = essence(changed[path] ?? undefined, old);
    const here = essence(after[path], old);
    if (recorded !== here)
      differences.push(`objects: ${path}\n    recorded: ${recorded}\n    here:     ${here}`);
  }
  return differences;
}

/** What a write of calicoctl decides of an object. The old release kept labels and annotations elsewhere. */
function essence(object: KubernetesObject | undefined, old: boolean): string {
  if (!object) return 'absent';
  const { spec, metadata } = object as KubernetesObject & { readonly spec?: unknown };
  const { labels, annotations } = metadata;
  const meta = annotations?.['projectcalico.org/metadata'];
  const shown = {
    // Taints of new nodes are the server's.
    spec: object.kind === 'Node' ? null : (spec ?? null),
    ...(old
      ? {}
      : {
          labels,
          annotations: {
            ...annotations,
            ...(meta ? { 'projectcalico.org/metadata': JSON.parse(meta) } : {}),
          },
        }),
  };
  return normalise(JSON.stringify(sorted(shown)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, sorted(member)] as const)
      .filter(
        ([, member]) =>
          member !== undefined &&
          member !== null &&
          !(typeof member === 'object' && Object.keys(member).length === 0),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
