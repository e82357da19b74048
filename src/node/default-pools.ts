/**
 * The pools that calico-node makes when a cluster has none of a family. Pure.
 * Upstream: node/pkg/lifecycle/startup (configureIPPools).
 */
import { CalicoError } from '../errors.ts';
import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  type IpVersion,
  parseCidr,
  tryParseCidr,
} from '../ip/index.ts';
import { type HostInterface, isGlobalUnicast } from './autodetect.ts';
import { type DefaultPoolSettings, isTrue } from './settings.ts';

/** A pool to create. */
export interface DefaultPool {
  readonly name: string;
  readonly spec: {
    readonly cidr: string;
    readonly ipipMode: 'Always' | 'CrossSubnet' | 'Never';
    readonly vxlanMode: 'Always' | 'CrossSubnet' | 'Never';
    readonly natOutgoing: boolean;
    readonly nodeSelector: string;
    readonly blockSize: number;
    readonly disableBGPExport?: boolean;
  };
}

/** What the choice depends on. */
export interface DefaultPoolFacts {
  readonly noDefaultPools: boolean;
  readonly hasPool: (version: IpVersion) => boolean;
  readonly interfaces: readonly HostInterface[];
  /** 5 random bytes for the IPv6 prefix. */
  readonly random: () => Uint8Array;
}

/** The pools to create, if any. @throws CalicoError INPUT naming the variable */
export function defaultPools(
  pool4: DefaultPoolSettings,
  pool6: DefaultPoolSettings,
  facts: DefaultPoolFacts,
): readonly DefaultPool[] {
  if (facts.noDefaultPools) {
    for (const [settings, variable] of [
      [pool4, 'CALICO_IPV4POOL_CIDR'],
      [pool6, 'CALICO_IPV6POOL_CIDR'],
    ] as const) {
      if (settings.cidr !== undefined && settings.cidr !== 'none') {
        throw new CalicoError('INPUT', `${variable} is set and NO_DEFAULT_POOLS is true`, {
          cure: 'Keep one of them: a pool range, or no pools.',
        });
      }
    }
    return [];
  }
  const pools: DefaultPool[] = [];
  if (!facts.hasPool(4) && pool4.cidr !== 'none') {
    const cidr = pool4.cidr === undefined ? defaultCidr4(facts.interfaces) : givenCidr(pool4.cidr, 4);
    pools.push(
      makePool('default-ipv4-ippool', cidr, pool4, 'CALICO_IPV4POOL', {
        size: 26,
        min: 20,
        max: 32,
        nat: true,
      }),
    );
  }
  const hostHasV6 = facts.interfaces.some((one) =>
    one.addresses.some(({ address }) => address.version === 6 && isGlobalUnicast(address)),
  );
  if (!facts.hasPool(6) && pool6.cidr !== 'none' && (hostHasV6 || pool6.cidr !== undefined)) {
    const cidr = pool6.cidr === undefined ? defaultCidr6(facts.random()) : givenCidr(pool6.cidr, 6);
    pools.push(
      makePool('default-ipv6-ippool', cidr, pool6, 'CALICO_IPV6POOL', {
        size: 122,
        min: 116,
        max: 128,
        nat: false,
      }),
    );
  }
  return pools;
}

/** 192.168.0.0/16 unless the host lives in it; then the first free of 172.16–31.0.0/16. */
function defaultCidr4(interfaces: readonly HostInterface[]): Cidr {
  const taken = (cidr: Cidr) =>
    interfaces.some((one) =>
      one.addresses.some(({ address }) => address.version === 4 && cidrContains(cidr, address)),
    );
  const first = parseCidr('192.168.0.0/16');
  if (!taken(first)) return first;
  for (let second = 16; second < 32; second++) {
    const cidr = parseCidr(`172.${second}.0.0/16`);
    if (!taken(cidr)) return cidr;
  }
  return first;
}

/** A random unique local /48 (RFC 4193). */
function defaultCidr6(random: Uint8Array): Cidr {
  let value = 0xfdn;
  for (let i = 0; i < 5; i++) value = (value << 8n) | BigInt(random[i] ?? 0);
  return { version: 6, value: value << 80n, prefix: 48 };
}

function givenCidr(text: string, version: IpVersion): Cidr {
  const cidr = tryParseCidr(text);
  if (!cidr || cidr.version !== version || !text.includes('/')) {
    throw new CalicoError(
      'INPUT',
      `CALICO_IPV${version}POOL_CIDR=${JSON.stringify(text)} is not an IPv${version} CIDR`,
    );
  }
  const link = parseCidr(version === 4 ? '169.254.0.0/16' : 'fe80::/10');
  if (cidrsOverlap(cidr, link)) {
    throw new CalicoError(
      'INPUT',
      `CALICO_IPV${version}POOL_CIDR=${text} overlaps the link-local range ${formatCidr(link)}`,
    );
  }
  return cidr;
}

function makePool(
  name: string,
  cidr: Cidr,
  settings: DefaultPoolSettings,
  prefix: string,
  limits: { readonly size: number; readonly min: number; readonly max: number; readonly nat: boolean },
): DefaultPool {
  const blockSize = settings.blockSize === undefined ? limits.size : Number(settings.blockSize);
  if (
    !Number.isInteger(blockSize) ||
    blockSize < limits.min ||
    blockSize > limits.max ||
    blockSize < cidr.prefix
  ) {
    throw new CalicoError(
      'INPUT',
      `${prefix}_BLOCK_SIZE=${settings.blockSize ?? limits.size} does not fit ${formatCidr(cidr)}`,
      {
        cure: `Give a prefix length from ${Math.max(limits.min, cidr.prefix)} to ${limits.max}.`,
      },
    );
  }
  const ipipMode = encapsulation(settings.ipip, `${prefix}_IPIP`);
  const vxlanMode = encapsulation(settings.vxlan, `${prefix}_VXLAN`);
  if (ipipMode !== 'Never' && vxlanMode !== 'Never') {
    throw new CalicoError('INPUT', `${prefix}_IPIP and ${prefix}_VXLAN are both set`, {
      cure: 'IP in IP and VXLAN exclude each other: set one of them to Never.',
    });
  }
  const nat = settings.natOutgoing;
  return {
    name,
    spec: {
      cidr: formatCidr(cidr),
      ipipMode,
      vxlanMode,
      // Upstream takes everything but an explicit "no" for yes.
      natOutgoing: nat === undefined ? limits.nat : !/^(false|0|no|n|f)$/i.test(nat),
      nodeSelector: settings.nodeSelector === '' ? 'all()' : settings.nodeSelector,
      blockSize,
      ...(isTrue(settings.disableBgpExport) ? { disableBGPExport: true } : {}),
    },
  };
}

function encapsulation(text: string, variable: string): 'Always' | 'CrossSubnet' | 'Never' {
  switch (text.toLowerCase()) {
    case '':
    case 'off':
    case 'never':
      return 'Never';
    case 'crosssubnet':
    case 'cross-subnet':
      return 'CrossSubnet';
    case 'always':
      return 'Always';
    default:
      throw new CalicoError('INPUT', `Unrecognized mode specified in ${variable} '${text}'`, {
        cure: 'Use Always, CrossSubnet or Never.',
      });
  }
}
