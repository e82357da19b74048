/** Replays one scenario in this process on a datastore in memory. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCalicoctl } from '../../../src/calicoctl/index.ts';
import { type Datastore, KvDatastore, type KvStore, MemoryKv } from '../../../src/datastore/index.ts';
import { CalicoError } from '../../../src/errors.ts';
import type { Outcome } from '../corpus.ts';
import { acceptedReason } from './accepted.ts';
import { compareEtcd, compareStep, type StepDifference } from './compare.ts';
import { fakeHost } from './fake-host.ts';

/** Where a text of a step is taken from at replay. */
interface TakenFrom {
  readonly step?: number;
  readonly stream?: 'stdout' | 'stderr';
  readonly file?: string;
  readonly subs?: readonly (readonly [string, string])[];
}

/** One call of calicoctl. */
export interface Step {
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | null>>;
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdinFrom?: TakenFrom;
  readonly filesFrom?: Readonly<Record<string, TakenFrom>>;
  readonly etcdPut?: Readonly<Record<string, string>>;
  readonly etcdDel?: readonly string[];
  readonly etcd?: Readonly<Record<string, string>>;
  readonly filesAfter?: Readonly<Record<string, string>>;
  readonly stdoutHelp?: boolean;
  readonly stderrHelp?: boolean;
  readonly unordered?: string;
  readonly killedAfterSeconds?: number;
}

/** A recorded scenario; see the README of the recordings. */
export interface Scenario {
  readonly scenario: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  readonly etcdBefore?: Readonly<Record<string, string>>;
  readonly etcdAfter?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

/** What a step gave here. */
export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Replays all steps on an empty store and compares each; the first unaccepted difference decides. */
export async function replayScenario(scenario: Scenario, kv: KvStore = new MemoryKv()): Promise<Outcome> {
  const cwd = mkdtempSync(join(tmpdir(), 'calicoctl-replay-'));
  const differences: StepDifference[] = [];
  const runs: Ran[] = [];
  try {
    for (const [path, value] of Object.entries(scenario.etcdBefore ?? {})) {
      await kv.put(path, encoder.encode(value));
    }
    for (const [index, step] of scenario.steps.entries()) {
      for (const [path, value] of Object.entries(step.etcdPut ?? {}))
        await kv.put(path, encoder.encode(value));
      for (const path of step.etcdDel ?? []) await kv.deleteRange(path, undefined);
      for (const [name, text] of Object.entries(step.files ?? {})) {
        const from = step.filesFrom?.[name];
        const path = join(cwd, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, from ? taken(from, runs, cwd) : text);
      }
      const ran = await runStep(scenario, step, runs, kv, cwd);
      runs.push(ran);
      const found = compareStep(step, ran, cwd);
      if (step.etcd) found.push(...compareEtcd(step.etcd, await contents(kv)));
      differences.push(...found.map((text) => ({ index, step, text })));
    }
    const last = scenario.steps.length - 1;
    if (scenario.etcdAfter) {
      const found = compareEtcd(scenario.etcdAfter, await contents(kv));
      differences.push(...found.map((text) => ({ index: last, step: scenario.steps[last]!, text })));
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
  return outcomeOf(scenario, differences);
}

function outcomeOf(scenario: Scenario, differences: readonly StepDifference[]): Outcome {
  if (differences.length === 0) return { result: 'agree' };
  const diff = differences
    .map(({ index, step, text }) => `[${index}] ${step.argv.join(' ')}\n${text}`)
    .join('\n');
  const reasons = differences.map((difference) => acceptedReason(scenario, difference));
  const [first] = reasons;
  return first !== undefined && reasons.every((reason) => reason !== undefined)
    ? { result: 'accepted', reason: first, diff }
    : { result: 'differ', diff };
}

async function runStep(
  scenario: Scenario,
  step: Step,
  runs: readonly Ran[],
  kv: KvStore,
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
  const stdin = step.stdinFrom ? taken(step.stdinFrom, runs, cwd) : (step.stdin ?? '');
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
    connect: async (config) => storeFor(config.etcdEndpoints ?? '', kv),
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

function storeFor(endpoints: string, kv: KvStore): Datastore {
  if (endpoints.split(',').some((endpoint) => /^https?:\/\/127\.0\.0\.1:23790\/?$/.test(endpoint))) {
    const store = new KvDatastore(kv instanceof MemoryKv ? 'memory' : 'etcd', kv);
    store.close = () => undefined;
    return store;
  }
  throw new CalicoError('DATASTORE', `cannot reach ${endpoints}`);
}

function taken(from: TakenFrom, runs: readonly Ran[], cwd: string): string {
  let text =
    from.step === undefined
      ? readText(join(cwd, from.file ?? ''))
      : (runs[from.step]?.[from.stream ?? 'stdout'] ?? '');
  for (const [pattern, replacement] of from.subs ?? []) {
    text = text.replace(new RegExp(pattern, 'gm'), replacement.replace(/\\(\d)/g, '$$$1'));
  }
  return text;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function contents(kv: KvStore): Promise<Readonly<Record<string, string>>> {
  const { pairs } = await kv.range({ key: '\0', end: '\uffff' });
  return Object.fromEntries(pairs.map((pair) => [pair.key, decoder.decode(pair.value)]));
}
