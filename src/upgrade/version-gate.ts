/** Which releases can be upgraded. Pure. Upstream: lib/upgrade/migrator (CanMigrate). */

/** Verdict on the version that a v1 store says it is. */
export type VersionVerdict = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** A version as semver reads it, one leading `v` taken off; `undefined` when it is none. */
export function parseVersion(
  text: string,
): { readonly major: number; readonly minor: number; readonly patch: number } | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-(.*))?$/s.exec(text.replace(/\+.*$/s, ''));
  if (!match) return undefined;
  const [major, minor, patch] = match.slice(1, 4).map(Number) as [number, number, number];
  if (match[4] !== undefined && /\s/.test(match[4])) return undefined;
  return { major, minor, patch };
}

const needs = 'migration to v3 requires a tagged release of Calico v2.6.5+';

/** Whether data written by this version can be converted. */
export function canMigrate(version: string | undefined): VersionVerdict {
  if (version === undefined) {
    return {
      ok: false,
      message:
        'unable to determine the Calico API version: no version information found - this may be due to a misconfiguration of the v1 API datastore access details',
    };
  }
  const parsed = parseVersion(version);
  if (!parsed)
    return {
      ok: false,
      message: `unable to migrate data from version '${version}': unable to parse the version`,
    };
  if (parsed.major >= 3) {
    return {
      ok: false,
      message: `unexpected Calico version '${version}': migration to v3 should be from a tagged release of Calico v2.6.5+`,
    };
  }
  if (!isUpgradable(parsed))
    return { ok: false, message: `unable to migrate data from version '${version}': ${needs}` };
  return { ok: true };
}

/** Whether an upgrade is still to be done, from what both stores say. */
export function migrationNeeded(
  v3Version: string | undefined,
  v1Version: string | undefined,
): { readonly kind: 'needed' | 'not-needed' } | { readonly kind: 'error'; readonly message: string } {
  if (v3Version) {
    const parsed = parseVersion(v3Version);
    if (parsed && parsed.major >= 3) return { kind: 'not-needed' };
    if (parsed && isUpgradable(parsed)) return { kind: 'needed' };
    const why = parsed ? needs : 'unable to parse the version';
    return {
      kind: 'error',
      message: `unexpected CalicoVersion '${v3Version}' in ClusterInformation: ${why}`,
    };
  }
  if (v1Version === undefined) return { kind: 'not-needed' };
  const verdict = canMigrate(v1Version);
  return verdict.ok ? { kind: 'needed' } : { kind: 'error', message: verdict.message };
}

function isUpgradable({
  major,
  minor,
  patch,
}: {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}): boolean {
  return major === 2 && (minor > 6 || (minor === 6 && patch >= 5));
}
