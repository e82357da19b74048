/** Kubernetes' strategic merge, as far as Calico's types have it: no list of theirs has a merge key. */

type JsonObject = Readonly<Record<string, unknown>>;

/** The object with the patch merged in: null removes, objects merge, everything else replaces. */
export function mergePatch(original: JsonObject, patch: JsonObject): JsonObject {
  const directive = patch['$patch'];
  if (directive === 'delete') return {};
  const { $patch: _directive, $retainKeys: retain, ...changes } = patch;
  const result: Record<string, unknown> = directive === 'replace' ? {} : { ...original };
  if (Array.isArray(retain)) {
    for (const name of Object.keys(result)) if (!retain.includes(name)) delete result[name];
  }
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) delete result[name];
    else result[name] = merged(result[name], change);
  }
  return result;
}

function merged(before: unknown, change: unknown): unknown {
  if (!isObject(change)) return change;
  return mergePatch(isObject(before) ? before : {}, change);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
