/** Ansible's `ipaddr`, as far as Kubespray inventories use it. Upstream: ansible.utils ipaddr filter (netaddr). */
import {
  type Address,
  addressBits,
  addToAddress,
  type Cidr,
  cidrContains,
  cidrCovers,
  cidrSize,
  formatAddress,
  formatCidr,
  maskAddress,
  tryParseAddress,
  tryParseCidr,
  tryParseInterfaceAddress,
} from '../../ip/index.ts';
import { isList, text, type Value } from '../values/value.ts';
import { TemplateError } from './syntax.ts';

interface Parsed {
  readonly address: Address;
  readonly prefix: number;
  /** Written with a prefix. */
  readonly hasPrefix: boolean;
}

function parse(value: Value): Parsed | undefined {
  if (typeof value !== 'string') return undefined;
  const address = tryParseAddress(value);
  if (address) return { address, prefix: addressBits(address.version), hasPrefix: false };
  const withPrefix = tryParseInterfaceAddress(value);
  return withPrefix && { ...withPrefix, hasPrefix: true };
}

/** True only for a network address (host bits zero) of more than one address. */
export function isNetworkRange(value: Value): boolean {
  return truthyResult(ipFilter(value, 'net'));
}

const truthyResult = (value: Value) => value !== false && value !== null && value !== '';

/** `value | ipaddr(query)`: the wanted part, or false (for a list: the items that pass). */
export function ipFilter(value: Value, query: Value): Value {
  if (isList(value)) return value.map((one) => ipFilter(one, query)).filter(truthyResult);
  const parsed = parse(value);
  if (!parsed) return false;
  const { address, prefix, hasPrefix } = parsed;
  const network = maskAddress(address, prefix);
  const isNetwork = network.value === address.value;
  const cidr: Cidr = { ...network, prefix };
  const size = cidrSize(cidr);
  const full = `${formatAddress(address)}/${prefix}`;
  if (typeof query === 'number') return nth(cidr, prefix, query);
  switch (text(query)) {
    case '':
      return value;
    case 'ipv4':
    case 'ipv6':
      return address.version === (text(query) === 'ipv4' ? 4 : 6) ? value : false;
    case 'address':
    case 'ip':
      return hasPrefix && isNetwork && size > 1n ? false : formatAddress(address);
    case 'net':
      return size > 1n && isNetwork ? full : false;
    case 'network':
    case 'network_id':
      return formatAddress(network);
    case 'subnet':
      return formatCidr(cidr);
    case 'prefix':
      return prefix;
    case 'size':
      return Number(size);
    case 'host':
    case 'host/prefix':
    case 'address/prefix':
      return size > 1n && isNetwork ? false : full;
    case 'cidr':
      return full;
    case 'int':
      return address.value <= 0xffff_ffffn ? Number(address.value) : address.value;
    case 'version':
      return address.version;
    case 'bool':
      return true;
    case 'netmask': {
      const bits = addressBits(address.version);
      const ones = (1n << BigInt(bits)) - (1n << BigInt(bits - prefix));
      return formatAddress({ version: address.version, value: ones });
    }
    case 'broadcast':
    case 'last_usable':
    case 'first_usable':
    case 'next_usable':
      return edge(text(query), cidr, address);
  }
  if (/^-?\d+$/.test(text(query))) return nth(cidr, prefix, Number(text(query)));
  const outer = tryParseCidr(text(query));
  if (!outer) throw new TemplateError(`ipaddr('${text(query)}') is not supported`, 'unsupported');
  if (outer.version !== address.version) return false;
  const inside = hasPrefix ? cidrCovers(outer, cidr) : cidrContains(outer, address);
  return inside ? value : false;
}

function nth(cidr: Cidr, prefix: number, index: number): Value {
  const size = cidrSize(cidr);
  const offset = index < 0 ? size + BigInt(index) : BigInt(index);
  if (offset < 0n || offset >= size) return false;
  return `${formatAddress(addToAddress(cidr, offset))}/${prefix}`;
}

function edge(query: string, cidr: Cidr, address: Address): Value {
  const last = addToAddress(cidr, cidrSize(cidr) - 1n);
  if (query === 'broadcast') return formatAddress(last);
  if (query === 'first_usable') return formatAddress(addToAddress(cidr, 1));
  if (query === 'next_usable') return formatAddress(addToAddress(address, 1));
  return formatAddress(addToAddress(last, -1));
}
