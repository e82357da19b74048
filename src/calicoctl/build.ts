/** Which build this is. */

/** Set by the build to the commit that it was made from. */
declare const CALICO_COMMIT: string | undefined;

/** Short commit of the build; `source` when the sources run as they are. */
export async function buildCommit(): Promise<string> {
  return typeof CALICO_COMMIT === 'string' ? CALICO_COMMIT : 'source';
}
