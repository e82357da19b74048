/** Services and EndpointSlices, reduced to what advertisement needs. Fields may stand at the top or below `spec`. */
import type { Resource } from '../../resources/index.ts';
import type { BgpService, BgpSlice } from './state.ts';

interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ipFamilies?: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly externalTrafficPolicy?: string;
}

/** Reads a Service; `undefined` for one that has no address (headless, ExternalName). */
export function parseService(resource: Resource): BgpService | undefined {
  const spec = resource.spec as ServiceSpec;
  const type = spec.type ?? 'ClusterIP';
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(type)) return undefined;
  if (!spec.clusterIP || spec.clusterIP === 'None') return undefined;
  const status = resource.status as
    | { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
    | undefined;
  return {
    type,
    clusterIPs: spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP],
    ipFamilies: spec.ipFamilies ?? [],
    externalIPs: spec.externalIPs ?? [],
    loadBalancerIPs: (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : [])),
    local: spec.externalTrafficPolicy === 'Local',
  };
}

/** Reads an EndpointSlice; `undefined` for one of no service. */
export function parseSlice(resource: Resource): BgpSlice | undefined {
  const service = resource.metadata.labels?.['kubernetes.io/service-name'];
  if (!service) return undefined;
  const fields = (resource['endpoints'] === undefined ? resource.spec : resource) as {
    readonly addressType?: string;
    readonly endpoints?: readonly { readonly nodeName?: string }[];
  };
  return {
    service: `${resource.metadata.namespace ?? ''}/${service}`,
    addressType: fields?.addressType ?? 'IPv4',
    nodes: (fields?.endpoints ?? []).map(({ nodeName }) => nodeName ?? ''),
  };
}
