/** The release of Project Calico's calicoctl whose command line, layouts and texts are spoken. */
import { CalicoError } from '../errors.ts';

/** A release; `minor` is the `n` of `v3.n`. */
export interface Release {
  readonly version: 'v3.15.2' | 'v3.32.1';
  readonly minor: 15 | 32;
}

const releases: readonly Release[] = [
  { version: 'v3.15.2', minor: 15 },
  { version: 'v3.32.1', minor: 32 },
];

/** The release that is spoken unless `CALICOCTL_RELEASE` says otherwise. */
export const newestRelease: Release = releases[1]!;

/** Reads `CALICOCTL_RELEASE`: `v3.15`, `3.15.2`, `v3.32`, …; unset or empty is the newest. */
export function releaseFromEnv(env: Readonly<Record<string, string | undefined>>): Release {
  const wanted = env['CALICOCTL_RELEASE'];
  if (!wanted) return newestRelease;
  const minor = /^v?3\.(\d+)(\.\d+)?$/.exec(wanted)?.[1];
  const found = releases.find((release) => String(release.minor) === minor);
  if (found) return found;
  throw new CalicoError(
    'INPUT',
    `CALICOCTL_RELEASE: ${JSON.stringify(wanted)} is not a release that is spoken`,
    {
      cure: `Use one of ${releases.map((release) => release.version).join(', ')}.`,
    },
  );
}

/** Up to v3.15 messages begin with a capital letter. */
export function sentence(release: Release, text: string): string {
  return release.minor <= 15 ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
