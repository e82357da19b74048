/** Which allocations nothing uses any more, judged by the pods and nodes of Kubernetes. */
import { type Datastore, hasAddress, isFinished, podEndpoint } from '../datastore/index.ts';
import { formatAddress, tryParseAddress } from '../ip/index.ts';
import {
  type AuditedAllocation,
  audit,
  type Candidate,
  candidatesOfGoneHosts,
  goneHosts,
  readIpamState,
  type Scan,
} from '../ipam/index.ts';
import type { KubernetesClient } from '../kubernetes-api/index.ts';

/**
 * A scan of the whole cluster. A handle is garbage when all of its addresses are: their pod is gone, is finished, runs
 * on another node or has other addresses, as the API says at this moment. What has no pod among its attributes,
 * tunnels of living nodes and allocations without a handle are never touched.
 */
export async function scanAddresses(calico: Datastore, api: KubernetesClient): Promise<Scan> {
  const state = await readIpamState(calico);
  const gone = candidatesOfGoneHosts(state);
  const known = new Set(gone.map(({ handle }) => handle));
  const byHandle = new Map<string, AuditedAllocation[]>();
  for (const allocation of audit(state).allocations) {
    const { handle } = allocation;
    if (handle === undefined || known.has(handle)) continue;
    byHandle.set(handle, [...(byHandle.get(handle) ?? []), allocation]);
  }
  const pods = new Map<string, Promise<PodFacts | undefined>>();
  const candidates: Candidate[] = [...gone];
  for (const [handle, allocations] of byHandle) {
    const reasons = await Promise.all(allocations.map((allocation) => judge(allocation, pods, api)));
    const [first] = reasons;
    if (first === undefined || reasons.some((reason) => reason === undefined)) continue;
    candidates.push({
      handle,
      node: allocations[0]!.attributes['node'] ?? '',
      addresses: allocations.map(({ address, sequence }) => ({ address, sequence })),
      reason: first,
    });
  }
  return { candidates, hosts: goneHosts(state) };
}

interface PodFacts {
  readonly node: string | undefined;
  readonly finished: boolean;
  /** `undefined`: not known yet, or not readable. */
  readonly addresses: ReadonlySet<string> | undefined;
}

/** Why an allocation is garbage; `undefined` when it is in use or nothing can be said. */
async function judge(
  { address, attributes }: AuditedAllocation,
  pods: Map<string, Promise<PodFacts | undefined>>,
  api: KubernetesClient,
): Promise<string | undefined> {
  const { namespace, pod, node } = attributes;
  if (namespace === undefined || pod === undefined || attributes['type'] !== undefined) return undefined;
  const id = `${namespace}/${pod}`;
  const asked = pods.get(id) ?? factsOf(api, namespace, pod);
  pods.set(id, asked);
  const facts = await asked;
  if (!facts) return `the pod ${id} is gone`;
  if (facts.finished) return `the pod ${id} is finished`;
  if (node !== undefined && facts.node !== undefined && facts.node !== node)
    return `the pod ${id} runs on ${facts.node}`;
  if (!facts.addresses || facts.addresses.has(canonical(address))) return undefined;
  return `the pod ${id} has other addresses`;
}

async function factsOf(
  api: KubernetesClient,
  namespace: string,
  name: string,
): Promise<PodFacts | undefined> {
  const result = await api.get(`/api/v1/namespaces/${namespace}/pods/${name}`);
  if (!result.ok) {
    if (result.status.code === 404) return undefined;
    // Nothing can be said of a pod that cannot be read.
    return { node: undefined, finished: false, addresses: undefined };
  }
  const pod = result.value;
  const { nodeName } = (pod['spec'] ?? {}) as { readonly nodeName?: string };
  return { node: nodeName || undefined, finished: isFinished(pod), addresses: addressesOf(pod) };
}

function addressesOf(pod: Parameters<typeof podEndpoint>[0]): ReadonlySet<string> | undefined {
  if (!hasAddress(pod)) return undefined;
  try {
    const { ipNetworks = [] } = podEndpoint(pod, { interfacePrefix: 'cali' }).spec;
    return new Set(ipNetworks.map((network) => canonical(network.split('/')[0]!)));
  } catch {
    return undefined;
  }
}

/** IPv6 addresses have many spellings. */
function canonical(text: string): string {
  const parsed = tryParseAddress(text);
  return parsed ? formatAddress(parsed) : text;
}
