/** BGPConfiguration: defaults, and what of it applies per node. */
import { formatCidr, tryParseCidr } from '../../ip/index.ts';
import type { BGPConfigurationSpec } from '../../resources/index.ts';
import { tryParseAsNumber } from './as-number.ts';
import { tryParseCommunity } from './community.ts';
import { tryParseSeconds } from './duration.ts';
import { isPattern } from './filter.ts';
import { longestRestart } from './peer.ts';
import type { Community, GlobalConfiguration, NodeConfiguration, PrefixAdvertisement } from './state.ts';

type Report = (message: string) => void;

/** AS number of a cluster that sets none. */
export const defaultAsNumber = 64512;

/** Metric that Project Calico gives to the routes of workloads. */
export const normalRoutePriority = 1024;

/** Reads BGPConfiguration `default`; an empty spec gives the defaults. Values that cannot be used are reported. */
export function parseGlobalConfiguration(spec: BGPConfigurationSpec, report: Report): GlobalConfiguration {
  const asNumber = tryParseAsNumber(spec.asNumber);
  const password = spec.nodeMeshPassword?.secretKeyRef;
  const restart = spec.nodeMeshMaxRestartTime && tryParseSeconds(spec.nodeMeshMaxRestartTime);
  if (typeof restart === 'number' && restart > longestRestart)
    report(`nodeMeshMaxRestartTime is longer than ${longestRestart} s and is not used`);
  if (spec.localWorkloadPeeringIPV4 || spec.localWorkloadPeeringIPV6)
    report(
      'localWorkloadPeeringIPV4 and -IPV6 are not supported: sessions to local workloads are not set up',
    );
  return {
    asNumber: asNumber ?? defaultAsNumber,
    mesh: spec.nodeToNodeMeshEnabled ?? true,
    debug: debugOf(spec.logSeverityScreen),
    bindNodeIP: spec.bindMode === 'NodeIP',
    ignoredInterfaces: (spec.ignoredInterfaces ?? []).filter((name) => {
      if (isPattern(name)) return true;
      report(`ignoredInterfaces: ${JSON.stringify(name)} is not a name or pattern`);
      return false;
    }),
    ...(spec.listenPort && { listenPort: spec.listenPort }),
    ...(password?.name && password.key && { meshPassword: { name: password.name, key: password.key } }),
    ...(typeof restart === 'number' && restart <= longestRestart && { meshRestartTime: restart }),
    advertisements: parseAdvertisements(spec, spec, report),
    serviceClusterIPs: cidrs(spec.serviceClusterIPs, 'serviceClusterIPs', report),
    serviceExternalIPs: cidrs(spec.serviceExternalIPs, 'serviceExternalIPs', report),
    serviceLoadBalancerIPs: cidrs(spec.serviceLoadBalancerIPs, 'serviceLoadBalancerIPs', report),
    serviceLoadBalancerAggregation: spec.serviceLoadBalancerAggregation !== 'Disabled',
    programClusterRoutes: spec.programClusterRoutes !== 'Disabled',
    routePriority: {
      ipv4: spec.ipv4NormalRoutePriority ?? normalRoutePriority,
      ipv6: spec.ipv6NormalRoutePriority ?? normalRoutePriority,
    },
  };
}

/** Reads BGPConfiguration `node.<name>`: names of communities are its own or those of `global`. */
export function parseNodeConfiguration(
  spec: BGPConfigurationSpec,
  global: BGPConfigurationSpec,
  report: Report,
): NodeConfiguration {
  return {
    ...(spec.listenPort && { listenPort: spec.listenPort }),
    ...(spec.logSeverityScreen && { debug: debugOf(spec.logSeverityScreen) ?? 'none' }),
    ...(spec.prefixAdvertisements && { advertisements: parseAdvertisements(spec, global, report) }),
  };
}

function debugOf(severity: string | undefined): 'all' | 'states' | undefined {
  switch (severity?.toLowerCase()) {
    case undefined:
    case '':
    case 'info':
      return 'states';
    case 'debug':
    case 'trace':
      return 'all';
    default:
      return undefined;
  }
}

function parseAdvertisements(
  spec: BGPConfigurationSpec,
  global: BGPConfigurationSpec,
  report: Report,
): readonly PrefixAdvertisement[] {
  const named = new Map<string, string>();
  for (const one of [...(global.communities ?? []), ...(spec.communities ?? [])]) {
    if (one.name && one.value) named.set(one.name, one.value);
  }
  return (spec.prefixAdvertisements ?? []).flatMap((one) => {
    const cidr = tryParseCidr(one.cidr ?? '');
    if (!cidr) {
      report(`prefixAdvertisements: ${JSON.stringify(one.cidr)} is not a CIDR`);
      return [];
    }
    const communities: Community[] = [];
    for (const text of one.communities ?? []) {
      const community = tryParseCommunity(named.get(text) ?? text);
      if (community) communities.push(community);
      else report(`prefixAdvertisements: ${JSON.stringify(text)} is neither a community nor the name of one`);
    }
    return [{ cidr: formatCidr(cidr), communities }];
  });
}

function cidrs(
  list: readonly { readonly cidr: string }[] | undefined,
  field: string,
  report: Report,
): readonly string[] {
  return (list ?? []).flatMap(({ cidr: text }) => {
    const cidr = tryParseCidr(text);
    if (cidr) return [formatCidr(cidr)];
    report(`${field}: ${JSON.stringify(text)} is not a CIDR`);
    return [];
  });
}
