/** `calico-node -felix-live -bird-ready …`: what the kubelet runs. Upstream: node/pkg/health. */
import { statSync } from 'node:fs';
import { messageOf } from '../errors.ts';

/** The flags of a probe. */
export interface ProbeFlags {
  readonly felixLive: boolean;
  readonly felixReady: boolean;
  readonly birdLive: boolean;
  readonly birdReady: boolean;
  readonly bird6Live: boolean;
  readonly bird6Ready: boolean;
  /** Seconds after start during which every peer, not just one, must be established. */
  readonly thresholdSeconds: number;
}

/** A BGP session as BIRD reports it. */
export interface ProbedSession {
  readonly address: string;
  readonly established: boolean;
  readonly gracefulRestart: boolean;
}

/** What a probe asks of the outside. */
export interface ProbeFacts {
  readonly fetchStatus: (path: '/liveness' | '/readiness') => Promise<number>;
  /** Sessions of a family; throws when BIRD does not answer. */
  readonly sessions: (version: 4 | 6) => Promise<readonly ProbedSession[]>;
  readonly ageSeconds: () => number;
}

/** Runs the checks that the flags name; `undefined` when all hold, else upstream's text. */
export async function probe(flags: ProbeFlags, facts: ProbeFacts): Promise<string | undefined> {
  for (const [wanted, path, name] of [
    [flags.felixLive, '/liveness', 'live'],
    [flags.felixReady, '/readiness', 'ready'],
  ] as const) {
    if (!wanted) continue;
    const problem = await probeFelix(path, facts);
    if (problem) return `calico/node is not ${name}: felix is not ${name}: ${problem}`;
  }
  for (const [live, ready, version] of [
    [flags.birdLive, flags.birdReady, 4],
    [flags.bird6Live, flags.bird6Ready, 6],
  ] as const) {
    if (!live && !ready) continue;
    const name = version === 4 ? 'BIRD' : 'BIRD6';
    let sessions: readonly ProbedSession[];
    try {
      sessions = await facts.sessions(version);
    } catch (error) {
      return `calico/node is not ${live ? 'live' : 'ready'}: ${name} is not ${live ? 'live' : 'ready'}: ${messageOf(error)}`;
    }
    if (!ready) continue;
    const problem = birdProblem(sessions, facts.ageSeconds() < flags.thresholdSeconds);
    if (problem) return `calico/node is not ready: ${name} is not ready: ${problem}`;
  }
  return undefined;
}

/** Why BIRD is not ready, if it is not. */
export function birdProblem(sessions: readonly ProbedSession[], starting: boolean): string | undefined {
  if (sessions.length === 0) return undefined;
  const missing = sessions.filter((one) => !one.established).map((one) => one.address);
  const enough = starting ? missing.length === 0 : missing.length < sessions.length;
  if (!enough) return `BGP not established with ${missing.join(',')}`;
  if (starting && sessions.some((one) => one.gracefulRestart)) return 'graceful restart in progress';
  return undefined;
}

/** Seconds since start-up wrote the nodename file; infinite when there is none. */
export function fileAgeSeconds(path: string, nowMs: number): number {
  try {
    return (nowMs - statSync(path).mtimeMs) / 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

async function probeFelix(path: '/liveness' | '/readiness', facts: ProbeFacts): Promise<string | undefined> {
  const kind = path === '/liveness' ? 'liveness' : 'readiness';
  try {
    const status = await facts.fetchStatus(path);
    return status >= 200 && status < 400 ? undefined : `${kind} probe reporting ${status}`;
  } catch (error) {
    return `${kind} probe failed: ${messageOf(error)}`;
  }
}
