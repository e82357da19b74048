/** Rules of the API that the server in memory needs: merge patches and label selectors. */

type Fields = Readonly<Record<string, unknown>>;

/** RFC 7396. A strategic patch of maps alone means the same. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Record<string, unknown> = { ...(isFields(target) ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

/** Whether labels satisfy a selector of the forms `a=b`, `a`, `!a`, joined by commas. */
export function matchesLabels(
  selector: string | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (selector ?? '')
    .split(',')
    .filter((term) => term !== '')
    .every((term) => {
      const [name, value] = term.split('=');
      if (value !== undefined) return labels[name!] === value;
      return name!.startsWith('!') ? !(name!.slice(1) in labels) : name! in labels;
    });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
