/** This host's Node: addresses, AS number, orchestrator reference. Upstream: node/pkg/lifecycle/startup. */
import { CalicoError } from '../errors.ts';
import { formatAddress, type IpVersion, tryParseInterfaceAddress } from '../ip/index.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import { type DetectionFacts, detectAddress, formatDetected, onInterface } from './autodetect.ts';
import type { AddressSource, NodeSettings } from './settings.ts';
import { newMetadata, type Stamp } from './upsert.ts';

/** The addresses for the Node; `undefined`: none of this family. */
export interface NodeAddresses {
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
  readonly warnings: readonly string[];
}

interface BgpSpec {
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly asNumber?: number;
  readonly [other: string]: unknown;
}

/** Finds both addresses. @throws CalicoError INPUT when the host would have none at all */
export async function findAddresses(
  settings: Pick<NodeSettings, 'ip' | 'ip6'>,
  current: Resource | undefined,
  facts: DetectionFacts,
): Promise<NodeAddresses> {
  const bgp = (current?.spec['bgp'] ?? {}) as BgpSpec;
  const warnings: string[] = [];
  const ipv4 = await findAddress(settings.ip, 4, bgp.ipv4Address, facts, warnings);
  const ipv6 = await findAddress(settings.ip6, 6, bgp.ipv6Address, facts, warnings);
  if (ipv4 === undefined && ipv6 === undefined) {
    throw new CalicoError(
      'INPUT',
      'No IPv4 or IPv6 addresses configured or detected, required for Calico networking',
      {
        cure: 'Set IP (or IP6) to the address of this host, or IP_AUTODETECTION_METHOD to a method that finds it.',
      },
    );
  }
  return { ipv4, ipv6, warnings };
}

/** The Node to write, or `undefined` when it is as it should be. Fields of others are kept. */
export function desiredNode(
  name: string,
  current: Resource | undefined,
  addresses: NodeAddresses | undefined,
  settings: Pick<NodeSettings, 'asNumber' | 'k8sNodeRef'>,
  stamp: Stamp,
): Resource | undefined {
  const before = current ?? {
    kind: 'Node',
    apiVersion,
    metadata: newMetadata(name, stamp),
    spec: {},
    status: {},
  };
  const bgp: Record<string, unknown> = { ...((before.spec['bgp'] ?? {}) as BgpSpec) };
  if (addresses) {
    setOrDelete(bgp, 'ipv4Address', addresses.ipv4);
    setOrDelete(bgp, 'ipv6Address', addresses.ipv6);
  }
  if (settings.asNumber !== undefined) bgp['asNumber'] = parseAsNumber(settings.asNumber);
  const spec: Record<string, unknown> = { ...before.spec };
  if (Object.keys(bgp).length > 0) spec['bgp'] = bgp;
  if (settings.k8sNodeRef !== undefined)
    spec['orchRefs'] = [{ nodeName: settings.k8sNodeRef, orchestrator: 'k8s' }];
  const after = { ...before, spec };
  return current && JSON.stringify(current.spec) === JSON.stringify(after.spec) ? undefined : after;
}

/** The other Node that has one of the addresses, prefix ignored. */
export function addressClash(
  name: string,
  addresses: Pick<NodeAddresses, 'ipv4' | 'ipv6'>,
  nodes: readonly Resource[],
): { readonly node: string; readonly version: IpVersion; readonly address: string } | undefined {
  for (const [version, field, own] of [
    [4, 'ipv4Address', addresses.ipv4],
    [6, 'ipv6Address', addresses.ipv6],
  ] as const) {
    const address = bare(own);
    if (address === undefined) continue;
    for (const node of nodes) {
      const other = ((node.spec['bgp'] ?? {}) as BgpSpec)[field];
      if (node.metadata.name !== name && bare(other) === address)
        return { node: node.metadata.name, version, address };
    }
  }
  return undefined;
}

/** An AS number as an integer or in dotted form. @throws CalicoError INPUT */
export function parseAsNumber(text: string): number {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  const number = dotted
    ? Number(dotted[1]) * 65536 + Number(dotted[2])
    : /^\d{1,10}$/.test(text)
      ? Number(text)
      : Number.NaN;
  const tooLarge = dotted ? Number(dotted[1]) > 65535 || Number(dotted[2]) > 65535 : number > 0xffffffff;
  if (Number.isNaN(number) || tooLarge) {
    throw new CalicoError('INPUT', `AS=${JSON.stringify(text)} is not an AS number`, {
      cure: 'Give a number up to 4294967295, or two 16-bit numbers joined by a dot.',
    });
  }
  return number;
}

async function findAddress(
  source: AddressSource,
  version: IpVersion,
  current: string | undefined,
  facts: DetectionFacts,
  warnings: string[],
): Promise<string | undefined> {
  const variable = version === 4 ? 'IP' : 'IP6';
  switch (source.kind) {
    case 'none':
      return current;
    case 'keep': {
      if (current !== undefined) {
        const found = onInterface(bare(current) ?? '', facts.interfaces);
        if (found?.interfaceName === '')
          warnings.push(`${current} of this Node is on no interface of this host`);
        return current;
      }
      // Only IPv4 is looked for unasked.
      if (version === 6) return undefined;
      return await detect(source, version, current, facts);
    }
    case 'autodetect':
      return await detect(source, version, current, facts);
    case 'fixed': {
      const parsed = tryParseInterfaceAddress(source.text);
      if (!parsed || parsed.address.version !== version) {
        throw new CalicoError(
          'INPUT',
          `${variable}=${JSON.stringify(source.text)} is not an IPv${version} address`,
          {
            cure: `Give an address or ADDRESS/PREFIX, "autodetect" or "none".`,
          },
        );
      }
      if (source.text.includes('/')) return `${formatAddress(parsed.address)}/${parsed.prefix}`;
      const found = onInterface(source.text, facts.interfaces)!;
      if (found.interfaceName === '')
        warnings.push(`${variable}=${source.text} is on no interface of this host`);
      return formatDetected(found);
    }
  }
}

async function detect(
  source: Extract<AddressSource, { kind: 'autodetect' | 'keep' }>,
  version: IpVersion,
  current: string | undefined,
  facts: DetectionFacts,
): Promise<string | undefined> {
  const found = await detectAddress(source.method, version, facts);
  return found ? formatDetected(found) : current;
}

function bare(text: string | undefined): string | undefined {
  const parsed = text === undefined ? undefined : tryParseInterfaceAddress(text);
  return parsed && formatAddress(parsed.address);
}

function setOrDelete(target: Record<string, unknown>, name: string, value: string | undefined): void {
  if (value === undefined) delete target[name];
  else target[name] = value;
}
