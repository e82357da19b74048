/** URLs that must answer before a pod gets its network. */
import { CniError, cniCode } from './protocol/cni-error.ts';

const pollMs = 5000;
const limitMs = 30_000;

/** Waits until every URL answers with 2xx or 3xx. @throws CniError after half a minute */
export async function waitForGates(urls: readonly string[]): Promise<void> {
  await Promise.all(urls.map(waitForGate));
}

async function waitForGate(url: string): Promise<void> {
  for (let waited = 0; ; waited += pollMs) {
    if (await answers(url)) return;
    if (waited >= limitMs) {
      throw new CniError(cniCode.tryAgain, `endpoint ${url} is not ready; readiness gate timed out`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const { status } = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(pollMs) });
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}
