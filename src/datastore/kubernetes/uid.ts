/** UIDs of objects in the Calico API, made of those of the Kubernetes objects that hold them. */

const shape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The bytes that hold version and variant stay, so that the result is a UUID of the same kind. */
const kept = new Set([6, 8]);

/**
 * Turns one into the other: the bits of each byte are reversed. Two objects with one UID would make Kubernetes'
 * garbage collector delete what it should not. Texts that are no UUID have no counterpart.
 * Upstream: libcalico-go/lib/backend/k8s/conversion/uid.go.
 */
export function convertUid(uid: string | undefined): string | undefined {
  if (uid === undefined || !shape.test(uid)) return undefined;
  const bytes = Buffer.from(uid.replaceAll('-', ''), 'hex');
  const hex = Buffer.from(bytes.map((byte, i) => (kept.has(i) ? byte : reversed(byte)))).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function reversed(byte: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) result |= 0x80 >> bit;
  return result;
}
