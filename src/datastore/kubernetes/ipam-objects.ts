/** IPAM's documents as custom resources. Upstream: libcalico-go/lib/backend/k8s/resources/ipam_*.go. */
import { createHash } from 'node:crypto';
import type { KubernetesObject } from '../../kubernetes-api/index.ts';
import type { Json, Key } from '../port.ts';

type Fields = Readonly<Record<string, Json | undefined>>;
type AffinityKey = Extract<Key, { readonly type: 'affinity' }>;

const maxName = 253;
const hashDigits = 11;

/** `10.233.90.0/26` → `10-233-90-0-26`. */
export function cidrName(cidr: string): string {
  return cidr.replace(/[.:/]/g, '-');
}

/** Name of an affinity: host and block; a long host is cut and told apart by a hash. */
export function affinityName({ host, cidr }: Pick<AffinityKey, 'host' | 'cidr'>): string {
  const block = cidrName(cidr);
  const name = `${host}-${block}`;
  if (name.length < maxName) return name;
  const digits = createHash('sha256').update(`${host}+${block}`).digest('hex').slice(0, hashDigits);
  return `${host.slice(0, maxName - 1 - block.length - hashDigits - 2)}-${block}-${digits}`;
}

/** Labels by which the affinities of a host are selected. */
export function affinityLabels({
  host,
  cidr,
  owner = 'host',
}: AffinityKey): Readonly<Record<string, string>> {
  return {
    'projectcalico.org/affinity-type': owner,
    'projectcalico.org/hostname-hash': hostHash(host),
    'projectcalico.org/ip-version': cidr.includes(':') ? '6' : '4',
  };
}

/** Base32 without padding of the SHA3-256 of a host's name. */
export function hostHash(host: string): string {
  return base32(createHash('sha3-256').update(host).digest());
}

/** Spec of the object that holds a document. */
export function ipamSpec(key: Exclude<Key, { readonly type: 'resource' | 'raw' }>, value: Json): Fields {
  const document = value as Fields;
  switch (key.type) {
    case 'block': {
      const { affinity_claim_time: claimed, ...rest } = document;
      return {
        strictAffinity: false,
        deleted: false,
        ...rest,
        ...(claimed === undefined ? {} : { affinityClaimTime: claimed }),
      };
    }
    case 'affinity':
      return {
        cidr: key.cidr,
        deleted: document['deleted'] === true ? 'true' : 'false',
        node: key.host,
        state: document['state'] ?? '',
        type: key.owner ?? 'host',
      };
    case 'handle':
      return {
        ...document,
        block: document['block'] ?? {},
        deleted: document['deleted'] === true,
        handleID: key.id,
      };
    case 'ipam-config': {
      const { strict_affinity: strict, auto_allocate_blocks: auto, ...rest } = document;
      return { ...rest, strictAffinity: strict === true, autoAllocateBlocks: auto === true };
    }
  }
}

/** Key and document of an object; `undefined` when its deletion only has to be finished. */
export function ipamDocument(
  type: 'block' | 'affinity' | 'handle' | 'ipam-config',
  object: KubernetesObject,
): { readonly key: Key; readonly value: Json } | undefined {
  const spec = (object['spec'] ?? {}) as Fields;
  if (spec['deleted'] === true || spec['deleted'] === 'true') return undefined;
  switch (type) {
    case 'block': {
      const { affinityClaimTime: claimed, ...rest } = spec;
      return {
        key: { type, cidr: String(spec['cidr']) },
        value: { ...rest, ...(claimed === undefined ? {} : { affinity_claim_time: claimed }) },
      };
    }
    case 'affinity': {
      const key = { type, host: String(spec['node']), cidr: String(spec['cidr']) };
      return {
        key: spec['type'] === 'virtual' ? { ...key, owner: 'virtual' } : key,
        value: { state: spec['state'] ?? '', deleted: false },
      };
    }
    case 'handle': {
      const { handleID, ...rest } = spec;
      return { key: { type, id: String(handleID ?? object.metadata.name) }, value: rest };
    }
    case 'ipam-config': {
      const { strictAffinity, autoAllocateBlocks, ...rest } = spec;
      return {
        key: { type },
        value: {
          ...rest,
          ...(strictAffinity === true ? { strict_affinity: true } : {}),
          ...(autoAllocateBlocks === true ? { auto_allocate_blocks: true } : {}),
        },
      };
    }
  }
}

function base32(bytes: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}
