/** The tags of upstream's field validator. Upstream: libcalico-go/lib/validator/v3/validator.go. */
import { parseCidr, tryParseAddress, tryParseCidr, tryParseInterfaceAddress } from '../ip/index.ts';
import { isSelector } from '../selector/index.ts';
import { isQualifiedName, labelValueProblems } from './metadata-rules.ts';

/** A DNS-1123 subdomain: dot-separated labels. */
export const subdomainPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

const subdomain = new RegExp(`^${subdomainPattern}$`);

function words(...allowed: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && allowed.includes(value);
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => pattern.test(String(value));
}

function isStrictNet(value: unknown, version?: 4 | 6): boolean {
  const text = String(value);
  const parsed = tryParseInterfaceAddress(text);
  if (!parsed || (version !== undefined && parsed.address.version !== version)) return false;
  return parseCidr(text).value === parsed.address.value;
}

function isCidr(value: unknown, version?: 4 | 6): boolean {
  const cidr = tryParseCidr(String(value));
  return cidr !== undefined && (version === undefined || cidr.version === version);
}

function isIp(value: unknown, version?: 4 | 6): boolean {
  const address = tryParseAddress(String(value));
  return address !== undefined && (version === undefined || address.version === version);
}

function isIpPort(value: unknown): boolean {
  const text = String(value);
  if (isIp(text)) return true;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (!match) return false;
  const port = Number(match[3]);
  return port >= 1 && port <= 65535 && (match[1] === undefined ? isIp(match[2], 4) : isIp(match[1], 6));
}

/** Checks by tag, without parameters. */
const tags: Readonly<Record<string, (value: unknown) => boolean>> = {
  action: words('Allow', 'Deny', 'Log', 'Pass'),
  ipVersion: (value) => value === 4 || value === 6,
  net: (value) => isStrictNet(value),
  netv4: (value) => isStrictNet(value, 4),
  netv6: (value) => isStrictNet(value, 6),
  cidr: (value) => isCidr(value),
  cidrv4: (value) => isCidr(value, 4),
  cidrv6: (value) => isCidr(value, 6),
  cidrs: (value) => Array.isArray(value) && value.every((item) => isCidr(item)),
  ip: (value) => isIp(value),
  ipv4: (value) => isIp(value, 4),
  ipv6: (value) => isIp(value, 6),
  'IP:port': isIpPort,
  reachableBy: (value) => isIp(value),
  selector: (value) => isSelector(String(value)),
  name: (value) => subdomain.test(String(value)) && String(value).length <= 253,
  interface: matches(/^(\*|[a-zA-Z0-9_.-]{1,15})$/),
  bgpFilterInterface: matches(/^(\*|[a-zA-Z0-9_.*-]{1,15})$/),
  ignoredInterface: matches(/^[a-zA-Z0-9_.*-]{1,15}$/),
  portName: (value) =>
    /^[a-z0-9-]{1,15}$/.test(String(value)) && /[a-z]/.test(String(value)) && !/^-|-$|--/.test(String(value)),
  mac: matches(/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$|^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/),
  labels: (value) =>
    Object.entries(value as Readonly<Record<string, string>>).every(
      ([key, text]) => isQualifiedName(key) && labelValueProblems(text).length === 0,
    ),
  containerID: matches(/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/),
  logLevel: words('Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'),
  dropAcceptReturn: words('Drop', 'Accept', 'Return'),
  acceptReturn: words('Accept', 'Return'),
  iptablesBackend: words('Auto', 'NFT', 'Legacy'),
  bpfLogLevel: words('Debug', 'Info', 'Off'),
  bpfServiceMode: words('Tunnel', 'DSR'),
  keyValueList: matches(/^(\s*[\w-]+=[^,\s]*\s*(,|$))*$/),
  policyType: words('Ingress', 'Egress'),
  stagedAction: words('Set', 'Delete', 'Learn', 'Ignore'),
  ipIpMode: words('Never', 'Always', 'CrossSubnet'),
  vxlanMode: words('Never', 'Always', 'CrossSubnet'),
  assignmentMode: words('Automatic', 'Manual'),
  sourceAddress: words('UseNodeIP', 'None'),
  filterAction: words('Accept', 'Reject'),
  matchOperator: words('Equal', 'NotEqual', 'In', 'NotIn'),
  bgpFilterPrefixLengthV4: (value) => Number(value) >= 0 && Number(value) <= 32,
  bgpFilterPrefixLengthV6: (value) => Number(value) >= 0 && Number(value) <= 128,
  prometheusHost: matches(/^[a-zA-Z0-9:._+-]{1,64}$/),
  wireguardPublicKey: matches(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
  unique: (value) => !Array.isArray(value) || new Set(value).size === value.length,
  mustBeFalse: (value) => value === false,
  required: (value) => value !== '' && value !== 0 && value !== undefined && value !== null,
  regexp: (value) => {
    try {
      return new RegExp(String(value)) instanceof RegExp;
    } catch {
      return false;
    }
  },
};

/** The first tag of `rule` (comma-separated, as upstream writes it) that the value fails. */
export function failedTag(rule: string, value: unknown): string | undefined {
  return rule
    .split(',')
    .map((tag) => tag.split('=') as [string, string?])
    .find(([name, parameter]) => !passes(name, parameter, value))?.[0];
}

function passes(name: string, parameter: string | undefined, value: unknown): boolean {
  switch (name) {
    case 'gt':
      return Number(value) > Number(parameter);
    case 'gte':
      return Number(value) >= Number(parameter);
    case 'lte':
      return Number(value) <= Number(parameter);
    case 'oneof':
      return parameter!.split(' ').includes(String(value));
    default: {
      const check = tags[name];
      return check === undefined || check(value);
    }
  }
}
