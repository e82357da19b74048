/** Which backups to keep. Pure. */

/** Names to delete so that the newest `keep` remain; names sort by time. */
export function expired(names: readonly string[], keep: number): readonly string[] {
  const sorted = [...names].sort();
  return keep <= 0 ? [] : sorted.slice(0, Math.max(0, sorted.length - keep));
}
