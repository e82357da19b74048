/** What address detection asks of the kernel and the resolver. */
import { lookup } from 'node:dns/promises';
import { type IpVersion, tryParseAddress, tryParseInterfaceAddress } from '../ip/index.ts';
import type { RtNetlink } from '../linux/index.ts';
import type { DetectionFacts, HostInterface } from './autodetect.ts';

/** The host's interfaces with their addresses. */
export function hostInterfaces(netlink: RtNetlink): readonly HostInterface[] {
  const addresses = netlink.addresses();
  return netlink.links().map((link) => ({
    name: link.name,
    index: link.index,
    up: link.up,
    addresses: addresses.flatMap((one) => {
      const parsed = one.index === link.index ? tryParseInterfaceAddress(one.address) : undefined;
      return parsed ? [parsed] : [];
    }),
  }));
}

/** Facts of this host at this moment. */
export function detectionFacts(netlink: RtNetlink): DetectionFacts {
  return {
    interfaces: hostInterfaces(netlink),
    sourceTowards: async (destination, version) => {
      const address = await resolve(destination, version);
      return address === undefined ? undefined : netlink.routeTo(address)?.source;
    },
  };
}

async function resolve(destination: string, version: IpVersion): Promise<string | undefined> {
  const given = tryParseAddress(destination);
  if (given) return given.version === version ? destination : undefined;
  try {
    return (await lookup(destination, { family: version })).address;
  } catch {
    // A name that does not resolve cannot be reached; the caller says that nothing was found.
    return undefined;
  }
}
