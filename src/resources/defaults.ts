/** What the client fills in on writes and on reads. Upstream: lib/clientv3/*.go. */
import { formatCidr, tryParseCidr } from '../ip/index.ts';
import { fixedTiers } from './checks/kind-checks.ts';
import type { IPPoolSpec } from './kinds/ip-pool.ts';
import type { PolicyType } from './kinds/rule.ts';
import type { ResourceOf } from './kinds.ts';
import type { Resource } from './resource.ts';
import type { Release } from './schema.ts';

/** Order of a tier that has none. */
export const defaultTierOrder = 1_000_000;

/** A resource with what upstream's client fills in before it validates and writes. Uid and times are not its matter. */
export function withDefaults<R extends Resource>(resource: R, options: { readonly release: Release }): R {
  const { release } = options;
  switch (resource.kind) {
    case 'IPPool':
      return { ...resource, spec: poolDefaults(resource.spec as IPPoolSpec, release) };
    case 'NetworkPolicy':
    case 'GlobalNetworkPolicy':
      return { ...resource, spec: policyDefaults(resource.spec) };
    case 'StagedNetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
      return { ...resource, spec: stagedDefaults(resource.spec) };
    case 'StagedKubernetesNetworkPolicy':
      return { ...resource, spec: { stagedAction: 'Set', ...resource.spec } };
    case 'Tier':
      return { ...resource, spec: tierDefaults(resource as unknown as ResourceOf<'Tier'>) };
    case 'FelixConfiguration':
      return release === 'v3.15' ? resource : withSpec(resource, felixDefaults);
    case 'KubeControllersConfiguration':
      return release === 'v3.15' ? resource : { ...resource, spec: controllersDefaults(resource.spec) };
    case 'WorkloadEndpoint':
      return workloadEndpointLabels(resource);
    default:
      return resource;
  }
}

const felixDefaults = {
  floatingIPs: 'Disabled',
  bpfConnectTimeLoadBalancing: 'TCP',
  bpfHostNetworkedNATWithoutCTLB: 'Enabled',
};

/** A pool's spec with its defaults, as reads and writes fill them in; watches hand out the raw values. */
export function poolDefaults(spec: IPPoolSpec, release: Release): IPPoolSpec {
  const cidr = spec.cidr?.includes('/') ? tryParseCidr(spec.cidr) : undefined;
  const filled: Record<string, unknown> = { ...spec };
  if (!spec.blockSize && cidr) filled['blockSize'] = cidr.version === 4 ? 26 : 122;
  if (!spec.nodeSelector) filled['nodeSelector'] = 'all()';
  if (!spec.ipipMode) filled['ipipMode'] = 'Never';
  if (!spec.vxlanMode) filled['vxlanMode'] = 'Never';
  if (release === 'v3.32') {
    if ((spec.allowedUses ?? []).length === 0) filled['allowedUses'] = ['Workload', 'Tunnel'];
    if (!spec.assignmentMode) filled['assignmentMode'] = 'Automatic';
  }
  return filled as unknown as IPPoolSpec;
}

/** The CIDR of a pool in its one form; an unreadable one stays. */
export function normalCidr(cidr: string): string {
  const parsed = tryParseCidr(cidr);
  return parsed ? formatCidr(parsed) : cidr;
}

type AnySpec = Readonly<Record<string, unknown>>;

/**
 * What 3.32's API server schema fills in besides, on write and after validation.
 */
export function withCrdDefaults<R extends Resource>(resource: R): R {
  switch (resource.kind) {
    case 'BGPConfiguration':
      return withSpec(resource, { logSeverityScreen: 'Info', serviceLoadBalancerAggregation: 'Enabled' });
    case 'FelixConfiguration':
      return withSpec(resource, { nftablesMode: 'Auto' });
    case 'KubeControllersConfiguration':
      return withSpec(resource, { healthChecks: 'Enabled' });
    case 'NetworkPolicy':
    case 'GlobalNetworkPolicy':
    case 'StagedNetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
      return withSpec(resource, { tier: 'default' });
    default:
      return resource;
  }
}

function withSpec<R extends Resource>(resource: R, defaults: AnySpec): R {
  const given = Object.entries(resource.spec).filter(([, value]) => value !== undefined && value !== '');
  return { ...resource, spec: { ...resource.spec, ...defaults, ...Object.fromEntries(given) } };
}

function controllersDefaults(spec: AnySpec): AnySpec {
  const controllers = (spec['controllers'] ?? {}) as AnySpec;
  const part = (name: string, defaults: AnySpec): AnySpec => {
    const given = controllers[name];
    return given === undefined || given === null ? {} : { [name]: { ...defaults, ...(given as AnySpec) } };
  };
  return {
    prometheusMetricsPort: 9094,
    ...spec,
    controllers: {
      ...controllers,
      ...part('node', { leakGracePeriod: '15m' }),
      ...part('loadBalancer', { assignIPs: 'AllServices' }),
    },
  };
}

function policyDefaults(spec: AnySpec): AnySpec {
  const types = spec['types'];
  const inferred = Array.isArray(types) && types.length > 0 ? types : inferTypes(spec);
  return { ...spec, types: inferred };
}

function stagedDefaults(spec: AnySpec): AnySpec {
  const action = spec['stagedAction'] || 'Set';
  return { ...(action === 'Delete' ? spec : policyDefaults(spec)), stagedAction: action };
}

/** The types of a policy that names none: those it has rules for, ingress when it has none. */
export function inferTypes(spec: AnySpec): readonly PolicyType[] {
  const has = (rules: unknown) => Array.isArray(rules) && rules.length > 0;
  if (!has(spec['egress'])) return ['Ingress'];
  return has(spec['ingress']) ? ['Ingress', 'Egress'] : ['Egress'];
}

function tierDefaults(tier: ResourceOf<'Tier'>): AnySpec {
  const fixed = Object.hasOwn(fixedTiers, tier.metadata.name) ? fixedTiers[tier.metadata.name] : undefined;
  return {
    ...tier.spec,
    order: tier.spec.order ?? fixed?.order ?? defaultTierOrder,
    defaultAction: tier.spec.defaultAction ?? 'Deny',
  };
}

function workloadEndpointLabels<R extends Resource>(resource: R): R {
  const { metadata, spec } = resource;
  return {
    ...resource,
    metadata: {
      ...metadata,
      labels: {
        ...metadata.labels,
        'projectcalico.org/namespace': metadata.namespace ?? '',
        'projectcalico.org/orchestrator': String(spec['orchestrator'] ?? ''),
      },
    },
  };
}

/** The profile that exists without being stored: allows everything both ways. */
export const defaultAllowProfile: ResourceOf<'Profile'> = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Profile',
  metadata: { name: 'projectcalico-default-allow', creationTimestamp: null, resourceVersion: '1' },
  spec: { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
};
