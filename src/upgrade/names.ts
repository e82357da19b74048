/**
 * From v1 names to v3 names. Pure.
 * Upstream: projectcalico/libcalico-go: lib/upgrade/converters/names.go.
 */
import { createHash } from 'node:crypto';
import { type Address, type Cidr, formatAddress, formatCidr } from '../ip/index.ts';

/** Lower case as Go's simple mapping does it: `İ` becomes a plain `i`, the Kelvin sign `k`. */
function lower(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase();
}

/** Legal characters only, runs of separators squeezed, none at the ends. */
export function normalizeName(name: string): string {
  return lower(name)
    .replaceAll('/', '.')
    .replace(/[^-.a-z0-9]+/g, '-')
    .replace(/[.-]*\.[.-]*/g, '.')
    .replace(/^[.-]+|[.-]+$/g, '');
}

/** Node names are normalized and never get a suffix: they must match what kubelet calls the node. */
export const convertNodeName = normalizeName;

/** A name that changed gets a suffix from the original, so that two names never meet by accident. */
export function convertName(name: string): string {
  return withSuffix(name, normalizeName(name));
}

/** As {@link convertName}, without dots (policies: what is before the first dot is the tier). */
export function convertNameNoDots(name: string): string {
  return withSuffix(name, normalizeName(name).replaceAll('.', '-'));
}

/** Profiles of Kubernetes namespaces changed their prefix. */
export function convertProfileName(name: string): string {
  return convertName(name.replace(/^k8s_ns\./, 'kns.'));
}

/** An address as a name: dots to dashes, IPv6 as eight full groups. */
export function addressName(address: Address): string {
  if (address.version === 4) return formatAddress(address).replaceAll('.', '-');
  return address.value.toString(16).padStart(32, '0').match(/.{4}/g)!.join('-');
}

/** A CIDR as a name: the first three dots, the first seven colons and the slash become dashes. */
export function cidrName(cidr: Cidr): string {
  const separator = cidr.version === 4 ? '.' : ':';
  let left = cidr.version === 4 ? 3 : 7;
  return [...formatCidr(cidr)]
    .map((char) => (char === '/' || (char === separator && left-- > 0) ? '-' : char))
    .join('');
}

function withSuffix(original: string, converted: string): string {
  if (converted === original) return converted;
  return `${converted}-${createHash('sha1').update(original, 'utf8').digest('hex').slice(0, 8)}`;
}
