/**
 * Which of the host's addresses is the node's. Pure but for `can-reach`, whose one question to the kernel is passed
 * in. Upstream: projectcalico/calico: node/pkg/lifecycle/startup/autodetection.
 */
import { CalicoError } from '../errors.ts';
import {
  type Address,
  type Cidr,
  cidrContains,
  formatAddress,
  type IpVersion,
  parseCidr,
  tryParseAddress,
} from '../ip/index.ts';

/** How to choose an address. */
export type AutodetectionMethod =
  | { readonly kind: 'first-found' }
  | { readonly kind: 'interface'; readonly patterns: readonly RegExp[] }
  | { readonly kind: 'skip-interface'; readonly patterns: readonly RegExp[] }
  | { readonly kind: 'can-reach'; readonly destination: string }
  | { readonly kind: 'cidr'; readonly cidrs: readonly Cidr[] }
  | { readonly kind: 'kubernetes-internal-ip' };

/** An interface with its addresses, as rtnetlink lists them. */
export interface HostInterface {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly addresses: readonly { readonly address: Address; readonly prefix: number }[];
}

/** What was found: the address with the prefix of its interface. */
export interface DetectedAddress {
  readonly address: Address;
  readonly prefix: number;
  readonly interfaceName: string;
}

/** Answers that only the outside can give. */
export interface DetectionFacts {
  readonly interfaces: readonly HostInterface[];
  /** The local address that the kernel would use towards a destination. */
  readonly sourceTowards: (destination: string, version: IpVersion) => Promise<string | undefined>;
  /** InternalIP of the Kubernetes Node, where there is one. */
  readonly kubernetesInternalIp?: (version: IpVersion) => Promise<string | undefined>;
}

/** Interfaces that never carry the node's address: those of container engines, tunnels and Calico itself. */
const defaultExclusions: readonly RegExp[] = [
  'docker.*',
  'cbr.*',
  'dummy.*',
  'podman.*',
  'virbr.*',
  'lxcbr.*',
  'veth.*',
  'lo',
  'br-.*',
  'cali.*',
  'tunl.*',
  'flannel.*',
  'kube-ipvs.*',
  'cni.*',
  'vxlan\\.calico.*',
  'vxlan-v6\\.calico.*',
  'wireguard\\.cali.*',
  'wg-v6\\.cali.*',
  'nodelocaldns.*',
].map((pattern) => new RegExp(`^${pattern}`));

/** Reads a method; `variable` is named in the error. @throws CalicoError INPUT */
export function parseAutodetectionMethod(text: string, variable: string): AutodetectionMethod {
  const equals = text.indexOf('=');
  const word = equals < 0 ? text : text.slice(0, equals);
  const argument = equals < 0 ? '' : text.slice(equals + 1);
  const parts = argument
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  switch (word) {
    case '':
    case 'first-found':
      return { kind: 'first-found' };
    case 'interface':
    case 'skip-interface':
      if (parts.length > 0) return { kind: word, patterns: parts.map((part) => pattern(part, variable)) };
      break;
    case 'can-reach':
      if (argument !== '') return { kind: 'can-reach', destination: argument };
      break;
    case 'cidr':
      if (parts.length > 0) return { kind: 'cidr', cidrs: parts.map(parseCidr) };
      break;
    case 'kubernetes-internal-ip':
      return { kind: 'kubernetes-internal-ip' };
  }
  throw new CalicoError('INPUT', `invalid IP autodetection method: ${text}`, {
    cure: `Set ${variable} to first-found, can-reach=HOST, interface=REGEX,…, skip-interface=REGEX,…, cidr=CIDR,… or kubernetes-internal-ip.`,
  });
}

/** The address that the method chooses, or `undefined` when none fits. */
export async function detectAddress(
  method: AutodetectionMethod,
  version: IpVersion,
  facts: DetectionFacts,
): Promise<DetectedAddress | undefined> {
  // Upstream walks the interfaces from the highest index down.
  const interfaces = facts.interfaces.filter((one) => one.up).toSorted((a, b) => b.index - a.index);
  const unexcluded = (extra: readonly RegExp[]) =>
    interfaces.filter((one) => ![...defaultExclusions, ...extra].some((regex) => regex.test(one.name)));
  const any = () => true;
  switch (method.kind) {
    case 'first-found':
      return firstAddress(unexcluded([]), version, any);
    case 'skip-interface':
      return firstAddress(unexcluded(method.patterns), version, any);
    case 'interface': {
      // The order of the patterns decides, then that of the interfaces.
      for (const regex of method.patterns) {
        const found = firstAddress(
          interfaces.filter((one) => regex.test(one.name)),
          version,
          any,
        );
        if (found) return found;
      }
      return undefined;
    }
    case 'cidr':
      return firstAddress(interfaces, version, (address) =>
        method.cidrs.some((cidr) => cidrContains(cidr, address)),
      );
    case 'can-reach': {
      const source = await facts.sourceTowards(method.destination, version);
      return source === undefined ? undefined : onInterface(source, interfaces);
    }
    case 'kubernetes-internal-ip': {
      const internal = await facts.kubernetesInternalIp?.(version);
      return internal === undefined ? undefined : onInterface(internal, interfaces);
    }
  }
}

/** The interface that holds an address, with its prefix there; without one, the address alone as a /32 or /128. */
export function onInterface(text: string, interfaces: readonly HostInterface[]): DetectedAddress | undefined {
  const wanted = tryParseAddress(text);
  if (!wanted) return undefined;
  for (const one of interfaces) {
    for (const { address, prefix } of one.addresses) {
      if (address.version === wanted.version && address.value === wanted.value) {
        return { address, prefix, interfaceName: one.name };
      }
    }
  }
  return { address: wanted, prefix: wanted.version === 4 ? 32 : 128, interfaceName: '' };
}

/** `ADDRESS/PREFIX`, as it stands on the Node. */
export function formatDetected(found: DetectedAddress): string {
  return `${formatAddress(found.address)}/${found.prefix}`;
}

function firstAddress(
  interfaces: readonly HostInterface[],
  version: IpVersion,
  accept: (address: Address) => boolean,
): DetectedAddress | undefined {
  for (const one of interfaces) {
    for (const { address, prefix } of one.addresses) {
      if (address.version === version && isGlobalUnicast(address) && accept(address)) {
        return { address, prefix, interfaceName: one.name };
      }
    }
  }
  return undefined;
}

const notGlobal = [
  '0.0.0.0/32',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr);

/** Whether an address can be a node's: no loopback, link-local or multicast address. */
export function isGlobalUnicast(address: Address): boolean {
  return !notGlobal.some((cidr) => cidrContains(cidr, address));
}

function pattern(text: string, variable: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new CalicoError('INPUT', `${variable}: ${JSON.stringify(text)} is not a regular expression`, {
      cause: error,
    });
  }
}
