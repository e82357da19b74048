/** Names of chains and sets: those of upstream, because people and tools look for them. */
import { createHash } from 'node:crypto';
import type { IpVersion } from '../../ip/index.ts';
import type { PolicyId } from '../../policy/index.ts';

/** Pseudo-interface of a host endpoint `*`. */
export const anyInterface = 'any-interface-at-all';

const kindPrefixes: Readonly<Record<string, string>> = {
  GlobalNetworkPolicy: 'gnp',
  NetworkPolicy: 'np',
  KubernetesNetworkPolicy: 'knp',
  KubernetesClusterNetworkPolicy: 'kcnp',
};

/** A policy inside chain names: `np/<namespace>/<name>`. */
export function policyChainId(id: PolicyId): string {
  const prefix = kindPrefixes[id.kind] ?? id.kind.toLowerCase();
  return id.namespace === undefined ? `${prefix}/${id.name}` : `${prefix}/${id.namespace}/${id.name}`;
}

/** `prefix` and `id`, or where that is too long `prefix_` and a hash of `id`, cut to fit. */
export function chainName(prefix: string, id: string, limit: number): string {
  const name = `${prefix}${id}`;
  // What nftables' lexer would not take as a word is hashed too: no name may break the transaction of all others.
  if (name.length <= limit && /^[A-Za-z0-9_./-]+$/.test(name)) return name;
  const hash = createHash('sha256').update(id).digest('base64url');
  return `${prefix}_${hash}`.slice(0, limit);
}

/** Longest chain name: 28 for iptables; for nftables 256 with the NUL and the longest table prefix taken off. */
export function chainNameLimit(dataplane: 'nftables' | 'iptables'): number {
  return dataplane === 'iptables' ? 28 : 240;
}

/** Kernel name of an IP set; nftables has no colons in names. */
export function setName(id: string, version: IpVersion, dataplane: 'nftables' | 'iptables'): string {
  const name = `cali${version}0${id}`.slice(0, 31);
  return dataplane === 'nftables' ? name.replaceAll(':', '-') : name;
}
