/** `calicoctl node status`: the bytes that were printed, from the reply that BIRD's sockets gave. */
import { randomUUID } from 'node:crypto';
import { type HostAccess, type HostProcess, runCalicoctl } from '../../../src/calicoctl/index.ts';
import { memoryDatastore } from '../../../src/datastore/index.ts';
import type { Outcome } from '../corpus.ts';
import type { Difference } from './compare.ts';
import { outcomeOf } from './configuration.ts';

type Sockets = { readonly [family in 'ipv4' | 'ipv6']?: readonly string[] | null };

interface Input {
  readonly agentRuns: boolean;
  readonly birdRuns: boolean;
  readonly bird6Runs: boolean;
  readonly root: boolean;
  readonly args: readonly string[];
  readonly socket?: string;
}

interface RecordedStatus {
  readonly input: Input;
  readonly birdSocket?: Sockets;
  readonly runs: Readonly<
    Record<
      string,
      {
        readonly exit: number;
        readonly stdout: string;
        readonly stderr: string;
        readonly birdSocket?: Sockets;
      }
    >
  >;
}

/** Replays a case with each release that was recorded. */
export async function statusCase(value: unknown): Promise<Outcome> {
  const recorded = value as RecordedStatus;
  const differences: Difference[] = [];
  for (const [releases, run] of Object.entries(recorded.runs)) {
    const sockets = run.birdSocket ?? recorded.birdSocket ?? {};
    for (const [, release] of releases.matchAll(/(v3\.\d+)/g)) {
      const ours = await status(recorded.input, sockets, release!);
      for (const stream of ['exit', 'stdout', 'stderr'] as const) {
        if (ours[stream] === run[stream]) continue;
        differences.push({
          text: `${release} ${stream}\nrecorded:\n${run[stream]}\nours:\n${ours[stream]}`,
        });
      }
    }
  }
  return outcomeOf(differences);
}

async function status(input: Input, sockets: Sockets, release: string) {
  const out = { exit: 0, stdout: '', stderr: '' };
  const process = (...argv: readonly string[]): HostProcess => ({ pid: 2, argv });
  const socket4 = input.socket ?? '/var/run/calico/bird.ctl';
  const host: HostAccess = {
    isRoot: input.root,
    hostname: 'n1',
    kernel: '5.10.0',
    processes: () => [
      ...(input.agentRuns ? [process('calico-node', '-felix')] : []),
      ...(input.birdRuns ? [process('bird', '-R', '-s', socket4)] : []),
      ...(input.bird6Runs ? [process('bird6', '-R')] : []),
    ],
    birdQuery: async (path) => {
      const reply = path === socket4 ? sockets.ipv4 : path.endsWith('bird6.ctl') ? sockets.ipv6 : undefined;
      if (!reply) throw new Error(`dial unix ${path}: connect: no such file or directory`);
      return reply;
    },
    run: async (program) => {
      throw new Error(`no program ${program} here`);
    },
  };
  out.exit = await runCalicoctl(input.args, {
    stdout: (text) => {
      out.stdout += text;
    },
    stderr: (text) => {
      out.stderr += text;
    },
    stdin: async () => '',
    env: { CALICOCTL_RELEASE: release },
    cwd: '/',
    program: 'calicoctl',
    connect: async () => memoryDatastore(),
    now: () => new Date(),
    uuid: randomUUID,
    sleep: async () => undefined,
    host: async () => host,
  });
  return out;
}
