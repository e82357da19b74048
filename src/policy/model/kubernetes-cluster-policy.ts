/**
 * A ClusterNetworkPolicy of Kubernetes as a GlobalNetworkPolicy of tier kube-admin or kube-baseline.
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
  readonly namespaces?: LabelSelector;
  readonly pods?: { readonly namespaceSelector?: LabelSelector; readonly podSelector?: LabelSelector };
  readonly networks?: readonly string[];
}

interface PortChoice {
  readonly number?: number;
  readonly range?: { readonly start: number; readonly end: number };
}

interface Protocol {
  readonly tcp?: { readonly destinationPort?: PortChoice };
  readonly udp?: { readonly destinationPort?: PortChoice };
  readonly sctp?: { readonly destinationPort?: PortChoice };
  readonly destinationNamedPort?: string;
}

interface ClusterRule {
  readonly name?: string;
  readonly action: string;
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly protocols?: readonly Protocol[];
}

interface ClusterPolicySpec {
  readonly tier?: string;
  readonly priority?: number;
  readonly subject?: Peer;
  readonly ingress?: readonly ClusterRule[];
  readonly egress?: readonly ClusterRule[];
}

const tiers: Readonly<Record<string, string>> = { Admin: 'kube-admin', Baseline: 'kube-baseline' };
const actions: Readonly<Record<string, string>> = { Accept: 'Allow', Deny: 'Deny', Pass: 'Pass' };

/**
 * Converts one; `undefined` when it has no known tier or no subject. A rule that cannot be converted is told; if it
 * would have denied or passed on, a rule that denies everything stands in its place.
 */
export function translateClusterPolicy(
  resource: Resource,
  onInvalid?: (object: string, reason: string) => void,
): Resource | undefined {
  const { tier, priority, subject, ingress = [], egress = [] } = resource.spec as ClusterPolicySpec;
  const known = tiers[tier ?? ''];
  if (known === undefined || !(subject?.namespaces || subject?.pods)) return undefined;
  const convert = (rules: readonly ClusterRule[], side: 'source' | 'destination'): readonly V3Rule[] =>
    rules.flatMap((rule) => {
      try {
        return rulesOf(rule, side);
      } catch (error) {
        onInvalid?.(`ClusterNetworkPolicy(${resource.metadata.name})`, messageOf(error));
        const denies = rule.action === 'Deny' || rule.action === 'Pass';
        return denies ? [{ action: 'Deny', ...nameOf(rule) }] : [];
      }
    });
  const entity = entityOf(subject);
  return {
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: withoutTexts(resource.metadata),
    spec: {
      tier: known,
      order: priority ?? 0,
      selector: entity.selector ?? podSelectorText(undefined),
      ...(entity.namespaceSelector ? { namespaceSelector: entity.namespaceSelector } : {}),
      types: [...(ingress.length > 0 ? ['Ingress'] : []), ...(egress.length > 0 ? ['Egress'] : [])],
      ingress: convert(ingress, 'source'),
      egress: convert(egress, 'destination'),
    },
  };
}

function rulesOf(rule: ClusterRule, side: 'source' | 'destination'): readonly V3Rule[] {
  const action = actions[rule.action];
  if (action === undefined) throw new Error(`unsupported action ${rule.action}`);
  const peers = (side === 'source' ? rule.from : rule.to) ?? [];
  const entities = peers.map(entityOf);
  return portsByProtocol(rule.protocols ?? []).flatMap(({ protocol, ports }) =>
    entities.map((entity): V3Rule => {
      const destination: V3EntityRule = ports.length > 0 ? { ports } : {};
      return {
        action,
        ...(protocol === undefined ? {} : { protocol }),
        ...(side === 'source'
          ? { source: entity, destination }
          : { source: {}, destination: { ...entity, ...destination } }),
        ...nameOf(rule),
      } as V3Rule;
    }),
  );
}

function nameOf({ name }: ClusterRule): object {
  return name ? { metadata: { annotations: { name } } } : {};
}

/** Pods win over namespaces; a peer of neither, of nodes or of domain names cannot be matched. */
function entityOf({ namespaces, pods, networks }: Peer): V3EntityRule {
  if (pods) {
    return {
      selector: podSelectorText(pods.podSelector),
      namespaceSelector: labelSelectorText(pods.namespaceSelector ?? {}),
    };
  }
  if (namespaces) return { namespaceSelector: labelSelectorText(namespaces) };
  if (networks?.length) {
    return {
      nets: networks.map((text) => {
        const parsed = tryParseCidr(text);
        if (!parsed) throw new Error(`invalid CIDR address: ${text}`);
        return formatCidr(parsed);
      }),
    };
  }
  throw new Error('none of supported fields in peer is set');
}

/** One group per protocol, in the order of their names; named ports, which have none, come first. */
function portsByProtocol(
  protocols: readonly Protocol[],
): readonly { readonly protocol?: string; readonly ports: readonly V3Port[] }[] {
  if (protocols.length === 0) return [{ ports: [] }];
  const groups = new Map<string, { all: boolean; ports: V3Port[] }>();
  const groupOf = (name: string) => {
    const group = groups.get(name) ?? { all: false, ports: [] };
    groups.set(name, group);
    return group;
  };
  for (const choice of protocols) {
    if (choice.destinationNamedPort) groupOf('').ports.push(choice.destinationNamedPort);
    for (const name of ['tcp', 'udp', 'sctp'] as const) {
      const one = choice[name];
      if (!one) continue;
      const group = groupOf(name.toUpperCase());
      const { number, range } = one.destinationPort ?? {};
      if (number !== undefined) group.ports.push(number);
      else if (range) group.ports.push(`${range.start}:${range.end}`);
      else group.all = true;
    }
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { all, ports }]) => ({
      ...(name === '' ? {} : { protocol: name }),
      ports: all ? [] : ports,
    }));
}
