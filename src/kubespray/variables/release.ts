/** Kubespray releases: their order, and the Calico each installs. */
import { CalicoError } from '../../errors.ts';

/** A release that can be compared. */
export interface Release {
  readonly name: string;
  readonly number: number;
}

/** Reads `v2.14.0`, `2.14` and the like. */
export function parseRelease(text: string): Release {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?$/.exec(text.trim());
  const number = match ? Number(match[1]) * 1_000_000 + Number(match[2]) * 1_000 + Number(match[3] ?? 0) : 0;
  if (number < 2_014_000 || number > 2_031_999)
    throw new CalicoError('USAGE', `Kubespray release ${text} is not known`, {
      cure: 'Give a release from v2.14.0 to v2.31.0, for example --kubespray-release v2.31.0.',
    });
  return { name: `v${match?.[1]}.${match?.[2]}.${match?.[3] ?? 0}`, number };
}

/** True from the release `since` (as `2.20`) on. */
export function isSince(release: Release, since: string): boolean {
  return release.number >= parseRelease(since).number;
}

/** The value of a table `[since, value]` for a release. */
export function valueSince<T>(table: readonly (readonly [string, T])[], release: Release): T | undefined {
  let result: T | undefined;
  for (const [since, value] of table) if (isSince(release, since)) result = value;
  return result;
}
