/** Calico Nodes in etcd: labels copied from Kubernetes, and deletion with what belongs to a node. */
import type { NodeSpec } from '../../resources/index.ts';
import type { Resource } from '../../resources/resource.ts';
import { type Objects, type Stored, saysTheSame, type Write } from '../state.ts';

const kubeLabels = 'projectcalico.org/kube-labels';
type Texts = Readonly<Record<string, string>>;

/** Name of the Kubernetes node that a Calico Node stands for. */
export function kubernetesName(node: Resource): string | undefined {
  const { orchRefs = [] } = node.spec as NodeSpec;
  return orchRefs.find(({ orchestrator, nodeName }) => orchestrator === 'k8s' && nodeName)?.nodeName;
}

/**
 * Labels of Kubernetes nodes on Calico Nodes. What was copied stands in an annotation, so that a label that is gone
 * there goes here too, and labels of Calico's own stay.
 */
export function reconcileLabels(kubernetes: Objects, calico: Objects): readonly Write[] {
  const writes: Write[] = [];
  for (const { resource, key, revision } of calico.of('Node')) {
    const name = kubernetesName(resource);
    const source = name === undefined ? undefined : kubernetes.get('Node', name);
    if (!source) continue;
    const wanted = parseLabels(source.resource.metadata.annotations?.[kubeLabels]);
    const before = parseLabels(resource.metadata.annotations?.[kubeLabels]);
    const gone = Object.keys(before).filter((label) => !(label in wanted));
    const own = Object.entries(resource.metadata.labels ?? {}).filter(([label]) => !gone.includes(label));
    const labels = { ...Object.fromEntries(own), ...wanted };
    if (saysTheSame(labels, resource.metadata.labels)) continue;
    const sorted = Object.fromEntries(Object.entries(wanted).sort(([a], [b]) => (a < b ? -1 : 1)));
    const metadata = {
      ...resource.metadata,
      labels,
      annotations: { ...resource.metadata.annotations, [kubeLabels]: JSON.stringify(sorted) },
    };
    writes.push({ op: 'update', key, value: { ...resource, metadata }, revision });
  }
  return writes;
}

/** Calico Nodes whose Kubernetes node is gone. The caller asks the API once more before it deletes. */
export function goneNodes(kubernetes: Objects, calico: Objects): readonly Stored[] {
  return calico.of('Node').filter(({ resource }) => {
    const name = kubernetesName(resource);
    return name !== undefined && !kubernetes.get('Node', name);
  });
}

/** Deletion of a node with its endpoints, configurations and peers; the Node itself last, so that it is taken up again. */
export function deletionOf({ key, revision }: Stored, calico: Objects): readonly Write[] {
  const { name } = key;
  const ofNode = (kind: string, belongs: (stored: Stored) => boolean): readonly Write[] =>
    calico
      .of(kind)
      .filter(belongs)
      .map((stored) => ({ op: 'delete', key: stored.key, revision: stored.revision }));
  const isOn = ({ resource }: Stored) => resource.spec['node'] === name;
  return [
    ...ofNode('WorkloadEndpoint', isOn),
    ...ofNode('HostEndpoint', isOn),
    ...ofNode('FelixConfiguration', (stored) => stored.key.name === `node.${name}`),
    ...ofNode('BGPConfiguration', (stored) => stored.key.name === `node.${name}`),
    ...ofNode('BGPPeer', isOn),
    { op: 'delete', key, revision },
  ];
}

function parseLabels(text: string | undefined): Texts {
  try {
    return (JSON.parse(text ?? 'null') as Texts | null) ?? {};
  } catch {
    return {};
  }
}
