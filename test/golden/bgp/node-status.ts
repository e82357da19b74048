/** `calicoctl node status`: the bytes that were printed, from the reply that BIRD's socket gave. */
import { type FamilyStatus, parseProtocols, printNodeStatus } from '../../../src/bgp/index.ts';
import type { Outcome } from '../corpus.ts';

type Sockets = { readonly [family in 'ipv4' | 'ipv6']?: readonly string[] | null };

interface RecordedStatus {
  readonly input: {
    readonly agentRuns: boolean;
    readonly birdRuns: boolean;
    readonly bird6Runs: boolean;
    readonly root: boolean;
  };
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

/** Replays a case. What the command does before it asks BIRD belongs to the corpus of calicoctl. */
export function statusCase(value: unknown): Outcome {
  const recorded = value as RecordedStatus;
  const { agentRuns, birdRuns, bird6Runs, root } = recorded.input;
  if (!agentRuns || !root) return { result: 'open', why: 'printed by calicoctl before it asks BIRD' };
  const diffs: string[] = [];
  for (const [releases, run] of Object.entries(recorded.runs)) {
    const sockets = run.birdSocket ?? recorded.birdSocket ?? {};
    for (const release of releases.includes('3.15') ? [15] : [32]) {
      const ours = printNodeStatus({
        ipv4: family(birdRuns, sockets.ipv4),
        ipv6: family(bird6Runs, sockets.ipv6),
        release,
      });
      if (ours !== run.stdout) diffs.push(`${releases}\nrecorded:\n${run.stdout}\nours:\n${ours}`);
    }
  }
  return diffs.length === 0 ? { result: 'agree' } : { result: 'differ', diff: diffs.join('\n') };
}

function family(runs: boolean, reply: readonly string[] | null | undefined): FamilyStatus {
  return runs ? { kind: 'sessions', protocols: parseProtocols(reply ?? []) } : { kind: 'not-running' };
}
