/** Routes on which recorded and own filters are compared: everything that either of them mentions, and its surroundings. */
import {
  addressBits,
  addressToCidr,
  compareCidrs,
  formatCidr,
  type IpVersion,
  maskAddress,
  parseCidr,
} from '../../../src/ip/index.ts';
import type { OurNode } from './ours.ts';
import type { RecordedCondition, RecordedFamily } from './recorded.ts';
import type { ProbeRoute } from './recorded-filter.ts';

/** Routes as they occur on a node: its own statics, its workloads, and what peers send. */
export function probes(
  recorded: RecordedFamily,
  ours: OurNode,
  pools: readonly string[],
  version: IpVersion,
): readonly ProbeRoute[] {
  const mentioned = mentionedIn([
    recorded.filters,
    recorded.calicoExport,
    recorded.kernelExport,
    recorded.static,
  ]);
  const statics = ours.config.families.find((one) => one.version === version)!.statics;
  const nets = surroundings([...mentioned.cidrs, ...pools, ...statics.map(({ cidr }) => cidr)], version);
  const communities = [[], ...mentioned.communities.map((one) => [one])];
  const paths = [[], [64601], ...mentioned.paths, ...mentioned.paths.map((path) => [...path, 64700])];
  const prefs = [100, 2147482623, ...mentioned.localPrefs];
  const interfaces = ['eth0', ...mentioned.interfaces.map((one) => one.replaceAll('*', '7'))];
  const routes: ProbeRoute[] = [];
  for (const { cidr, via } of statics) {
    if (via === undefined) routes.push({ net: cidr, source: 'static', communities: [], asPath: [] });
  }
  for (const net of nets) {
    if (parseCidr(net).prefix === addressBits(version))
      routes.push({
        net,
        source: 'kernel',
        interface: 'cali1',
        metric: 1024,
        communities: [],
        asPath: [],
      });
    for (const one of communities)
      for (const asPath of paths)
        for (const localPref of prefs)
          for (const name of interfaces)
            routes.push({ net, source: 'bgp', interface: name, communities: one, asPath, localPref });
  }
  return routes;
}

function surroundings(cidrs: readonly string[], version: IpVersion): readonly string[] {
  const bits = addressBits(version);
  const nets = new Set<string>([
    version === 4 ? '0.0.0.0/0' : '::/0',
    version === 4 ? '203.0.113.0/24' : '2001:db8::/32',
  ]);
  for (const text of cidrs) {
    const cidr = parseCidr(text);
    if (cidr.version !== version) continue;
    const resized = (prefix: number) => formatCidr({ ...maskAddress(cidr, prefix), prefix });
    nets.add(text);
    nets.add(formatCidr(addressToCidr({ version, value: cidr.value + (cidr.prefix < bits ? 1n : 0n) })));
    if (cidr.prefix + 2 <= bits) nets.add(resized(cidr.prefix + 2));
    if (cidr.prefix > 0) nets.add(resized(cidr.prefix - 1));
    for (const prefix of [24, 26, 27, 28])
      if (prefix > cidr.prefix && prefix < bits) nets.add(resized(prefix));
  }
  return [...nets].sort((a, b) => compareCidrs(parseCidr(a), parseCidr(b)));
}

interface Mentioned {
  readonly cidrs: string[];
  readonly communities: string[];
  readonly paths: (readonly number[])[];
  readonly localPrefs: number[];
  readonly interfaces: string[];
}

function mentionedIn(value: unknown): Mentioned {
  const found: Mentioned = { cidrs: [], communities: [], paths: [], localPrefs: [], interfaces: [] };
  const visit = (one: unknown): void => {
    if (Array.isArray(one)) for (const item of one) visit(item);
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return;
    const condition = one as RecordedCondition;
    if (typeof condition.cidr === 'string') found.cidrs.push(condition.cidr);
    if (typeof condition.community === 'string') found.communities.push(condition.community);
    if (condition.asPathPrefix) found.paths.push(condition.asPathPrefix);
    if (condition.localPref === 'equal') found.localPrefs.push(Number(condition.value));
    if (typeof condition.interface === 'string' && !condition.interface.includes('cali'))
      found.interfaces.push(condition.interface);
    for (const item of Object.values(one)) visit(item);
  };
  visit(value);
  return found;
}
