/**
 * A Kubernetes NetworkPolicy as a Calico one of tier default and order 1000.
 *
 * Upstream source: libcalico-go/lib/backend/k8s/conversion/conversion.go.
 */
import { messageOf } from '../../errors.ts';
import { formatCidr, tryParseCidr } from '../../ip/index.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import {
  type LabelSelector,
  labelSelectorText,
  podSelectorText,
  withoutTexts,
} from './kubernetes-selector.ts';
import type { V3EntityRule, V3Port, V3Rule } from './v3.types.ts';

interface Peer {
  readonly podSelector?: LabelSelector | null;
  readonly namespaceSelector?: LabelSelector | null;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] } | null;
}

interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string | null;
  readonly endPort?: number | null;
}

interface NetworkPolicySpec {
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly {
    readonly from?: readonly Peer[] | null;
    readonly ports?: readonly PolicyPort[] | null;
  }[];
  readonly egress?: readonly {
    readonly to?: readonly Peer[] | null;
    readonly ports?: readonly PolicyPort[] | null;
  }[];
}

/** Converts one. A rule that cannot be converted is dropped and told; the others stay. */
export function translateKubernetesPolicy(
  resource: Resource,
  onInvalid?: (object: string, reason: string) => void,
): Resource {
  const spec = resource.spec as NetworkPolicySpec;
  const convert = <R>(
    rules: readonly R[] | undefined,
    one: (rule: R) => readonly V3Rule[],
  ): readonly V3Rule[] =>
    (rules ?? []).flatMap((rule) => {
      try {
        return one(rule);
      } catch (error) {
        onInvalid?.(
          `NetworkPolicy(${resource.metadata.namespace ?? ''}/${resource.metadata.name})`,
          messageOf(error),
        );
        return [];
      }
    });
  const types = spec.policyTypes?.length ? spec.policyTypes : ['Ingress'];
  return {
    apiVersion,
    kind: 'NetworkPolicy',
    metadata: withoutTexts(resource.metadata),
    spec: {
      tier: 'default',
      order: 1000,
      selector: podSelectorText(spec.podSelector),
      types,
      ingress: convert(spec.ingress, (rule) => rulesOf(rule.from, rule.ports, 'source')),
      egress: convert(spec.egress, (rule) => rulesOf(rule.to, rule.ports, 'destination')),
    },
  };
}

function rulesOf(
  peers: readonly Peer[] | null | undefined,
  ports: readonly PolicyPort[] | null | undefined,
  side: 'source' | 'destination',
): readonly V3Rule[] {
  const entities = peers?.length ? peers.map(entityOf) : [{}];
  const rules: V3Rule[] = [];
  for (const { protocol, list } of portsByProtocol(ports ?? [])) {
    for (const entity of entities) {
      const destination: V3EntityRule = list.length > 0 ? { ports: list } : {};
      rules.push({
        action: 'Allow',
        ...(protocol === undefined ? {} : { protocol }),
        ...(side === 'source'
          ? { source: entity, destination }
          : { source: {}, destination: { ...entity, ...destination } }),
      });
    }
  }
  return rules;
}

function entityOf(peer: Peer): V3EntityRule {
  if (peer.ipBlock) {
    return { nets: [masked(peer.ipBlock.cidr)], notNets: (peer.ipBlock.except ?? []).map(masked) };
  }
  const namespaceSelector =
    peer.namespaceSelector === undefined || peer.namespaceSelector === null
      ? ''
      : labelSelectorText(peer.namespaceSelector);
  return {
    selector: podSelectorText(peer.podSelector ?? undefined),
    ...(namespaceSelector === '' ? {} : { namespaceSelector }),
  };
}

/** Ports per protocol, protocols sorted by name, adjacent numbers merged; no ports at all means any protocol. */
function portsByProtocol(
  ports: readonly PolicyPort[],
): readonly { readonly protocol: string | undefined; readonly list: readonly V3Port[] }[] {
  if (ports.length === 0) return [{ protocol: undefined, list: [] }];
  const groups = new Map<string, PolicyPort[]>();
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    groups.set(protocol, [...(groups.get(protocol) ?? []), port]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([protocol, list]) => ({ protocol, list: mergePorts(list) }));
}

function mergePorts(ports: readonly PolicyPort[]): readonly V3Port[] {
  if (ports.some(({ port }) => port === undefined || port === null)) return [];
  const names: string[] = [];
  const ranges: { first: number; last: number }[] = [];
  for (const { port, endPort } of ports) {
    if (typeof port === 'string' && !/^\d+$/.test(port)) names.push(port);
    else ranges.push({ first: Number(port), last: endPort ?? Number(port) });
  }
  ranges.sort((a, b) => a.first - b.first);
  const merged: { first: number; last: number }[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && range.first <= last.last + 1) last.last = Math.max(last.last, range.last);
    else merged.push({ ...range });
  }
  return [...names, ...merged.map(({ first, last }) => (first === last ? first : `${first}:${last}`))];
}

/** A network without host bits. @throws Error: a peer that cannot be read must not mean everybody */
function masked(cidr: string): string {
  const parsed = tryParseCidr(cidr);
  if (!parsed) throw new Error(`invalid CIDR address: ${cidr}`);
  return formatCidr(parsed);
}
