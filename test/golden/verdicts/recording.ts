/** The recordings' format. */

import { inferTypes } from '../../../src/resources/index.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import { base } from './topology.ts';

/** What became of a packet. */
export type Verdict = 'allow' | 'drop' | 'reject' | 'unreachable' | 'reset';

/** A packet that was sent. */
export interface RecordedPacket {
  readonly from: string;
  readonly to: string;
  readonly v: 4 | 6;
  readonly proto: string | number;
  readonly dport?: number;
  readonly sport?: number;
  readonly type?: number;
  readonly code?: number;
  readonly conn: 'new' | 'established-before-policy';
  readonly spoof?: string;
  readonly oneWay?: boolean;
  readonly vxlanInner?: readonly [string, string];
  readonly sourceSeen?: { readonly nft?: string; readonly iptables?: string };
  readonly result: { readonly nft?: Verdict; readonly iptables?: Verdict };
}

/** A case: resources on top of the base, and packets. */
export interface RecordedCase {
  readonly id: string;
  readonly about: string;
  readonly resources: readonly Resource[];
  readonly felixEnv?: Readonly<Record<string, string>>;
  readonly setup?: readonly (readonly [string, string])[];
  readonly teardown?: readonly (readonly [string, string])[];
  readonly before?: readonly Resource[];
  readonly afterApply?: readonly { readonly etcdDelete?: string }[];
  readonly refused?: string;
  readonly agentError?: Readonly<Record<string, string>>;
  readonly packets?: readonly RecordedPacket[];
}

/** A file of cases. */
export interface RecordedGroup {
  readonly group: string;
  readonly cases: readonly RecordedCase[];
}

const policyKinds = new Set([
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedNetworkPolicy',
]);

/** What the datastore holds in a case: the client fills types in, and a resource of a name replaces the base's. */
export function storedResources(
  resources: readonly Resource[],
  deleted: readonly { readonly etcdDelete?: string }[] = [],
): readonly Resource[] {
  const stored = new Map<string, Resource>();
  for (const resource of [...base, ...resources]) {
    const { kind, metadata } = resource;
    const types = resource.spec['types'] as readonly string[] | undefined;
    const infer = policyKinds.has(kind) && (types === undefined || types.length === 0);
    // As the client that wrote them did.
    const labelled =
      kind === 'WorkloadEndpoint'
        ? {
            ...resource,
            metadata: {
              ...metadata,
              labels: {
                ...metadata.labels,
                'projectcalico.org/namespace': metadata.namespace ?? '',
                'projectcalico.org/orchestrator': String(resource.spec['orchestrator']),
              },
            },
          }
        : resource;
    stored.set(
      `${kind}/${metadata.namespace ?? ''}/${metadata.name}`,
      infer ? { ...resource, spec: { ...resource.spec, types: inferTypes(resource.spec) } } : labelled,
    );
  }
  for (const { etcdDelete } of deleted) {
    const tier = /\/tiers\/([^/]+)$/.exec(etcdDelete ?? '')?.[1];
    if (tier !== undefined) stored.delete(`Tier//${tier}`);
  }
  return [...stored.values()];
}

/**
 * The random cases that were recorded on nftables alone were recorded while the resources of `random-7-026` were still
 * in force: every packet of all of them agrees with that, and hundreds contradict it otherwise. So they count as part
 * of each of those cases, below what the case itself brings.
 */
export function withLeftovers(cases: readonly RecordedCase[]): readonly RecordedCase[] {
  const left = cases.find(({ id }) => id === 'random-7-026')?.resources ?? [];
  return cases.map((one) => {
    const onlyNft = one.packets?.some(
      ({ result }) => result.nft !== undefined && result.iptables === undefined,
    );
    if (!onlyNft || !one.id.startsWith('random-')) return one;
    return { ...one, resources: [...left, ...one.resources] };
  });
}
