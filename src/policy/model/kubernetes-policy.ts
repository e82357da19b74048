/**
 * A Kubernetes NetworkPolicy as a Calico one of tier default and order 1000.
 *
 * Upstream source: libcalico-go/lib/backend/k8s/conversion/conversion.go.
 */
import { messageOf } from '../../errors.ts';
import { apiVersion, type Resource } from '../../resources/resource.ts';
import type { V3EntityRule, V3Port, V3Rule } from './v3.types.ts';

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

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
    metadata: resource.metadata,
    spec: {
      tier: 'default',
      order: 1000,
      selector: podSelector(spec.podSelector),
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
  if (peer.ipBlock) return { nets: [peer.ipBlock.cidr], notNets: peer.ipBlock.except ?? [] };
  const namespaceSelector =
    peer.namespaceSelector === undefined || peer.namespaceSelector === null
      ? ''
      : labelTerms(peer.namespaceSelector).join(' && ') || 'all()';
  return {
    selector: podSelector(peer.podSelector ?? undefined),
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
  return [...merged.map(({ first, last }) => (first === last ? first : `${first}:${last}`)), ...names];
}

function podSelector(selector: LabelSelector | undefined): string {
  return ["projectcalico.org/orchestrator == 'k8s'", ...(selector ? labelTerms(selector) : [])].join(' && ');
}

function labelTerms(selector: LabelSelector): readonly string[] {
  const terms = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key} == '${value}'`);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = `{ ${(values ?? []).map((value) => `'${value}'`).join(', ')} }`;
    if (operator === 'In') terms.push(`${key} in ${list}`);
    else if (operator === 'NotIn') terms.push(`${key} not in ${list}`);
    else if (operator === 'Exists') terms.push(`has(${key})`);
    else if (operator === 'DoesNotExist') terms.push(`! has(${key})`);
    else throw new Error(`unknown operator ${operator}`);
  }
  return terms;
}
