/** What the phases need of a person's terminal: input, signals, time and chance. */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { CalicoError } from '../errors.ts';
import type { PhaseContext } from './phases.ts';
import type { StatusText } from './status-text.ts';
import type { UpgradeStores } from './stores.ts';

/** The context of a run; SIGINT and SIGTERM stop it in an orderly way. */
export function terminalContext(
  stores: UpgradeStores,
  out: StatusText,
  options: Pick<PhaseContext, 'outputDir' | 'ignoreV3Data' | 'noPrompts' | 'pauseSeconds'>,
): PhaseContext & { readonly signal: AbortSignal } {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stop.abort(new CalicoError('INPUT', `interrupted by ${signal}`)));
  }
  return {
    ...options,
    stores,
    out,
    prompt: readLine,
    sleep: (milliseconds) => sleep(milliseconds, stop.signal),
    now: () => new Date(),
    uuid: randomUUID,
    signal: stop.signal,
  };
}

/** Seconds of the pause as given; 15 unless given. @throws CalicoError USAGE */
export function pauseSeconds(given: string | undefined): number {
  if (given === undefined) return 15;
  if (!/^\d{1,4}$/.test(given)) throw new CalicoError('USAGE', `--pause wants seconds, not "${given}"`);
  return Number(given);
}

async function readLine(): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    // The phase itself looks at the signal; waking up early is enough.
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
