/** A continuous stream of packets between pods, with what was lost of it. */
import type { TestLab } from './support.ts';

/** What became of a stream. */
export interface StreamResult {
  readonly from: string;
  readonly to: string;
  readonly sent: number;
  readonly lost: number;
  /** Longest run of lost packets, in milliseconds. */
  readonly longestGap: number;
}

/** Milliseconds between packets. */
const interval = 10;

/** Sends packets between the pods for so long while `change` happens; prints and gives the result. */
export async function streamDuring(
  lab: TestLab,
  what: string,
  pairs: readonly (readonly [string, string])[],
  seconds: number,
  change: () => Promise<unknown>,
): Promise<readonly StreamResult[]> {
  const streams = pairs.map(async ([from, to]): Promise<StreamResult> => {
    const { stdout } = await lab.run(
      ...(['exec', from, '--', 'ping', '-n', '-i', String(interval / 1000)] as const),
      ...['-w', String(seconds), await lab.address(to)],
    );
    const sent = Number(/(\d+) packets transmitted/.exec(stdout)?.[1]);
    const seen = [...stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map((match) => Number(match[1]));
    const ends = [0, ...seen, sent + 1];
    const gaps = ends.slice(1).map((sequence, index) => sequence - ends[index]! - 1);
    // The last packet may have been under way when the time was over.
    const lost = gaps.reduce((sum, gap) => sum + gap, 0) - (gaps.at(-1) === 1 ? 1 : 0);
    return { from, to, sent, lost, longestGap: lost === 0 ? 0 : Math.max(...gaps) * interval };
  });
  await Bun.sleep(500);
  await change();
  const results = await Promise.all(streams);
  for (const { from, to, sent, lost, longestGap } of results)
    console.log(`${what}: ${from} to ${to}: ${lost} of ${sent} packets lost, longest gap ${longestGap} ms`);
  return results;
}
