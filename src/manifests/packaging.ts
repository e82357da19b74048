/** Files of `packaging/kubernetes`: what `kubectl apply -k` installs on a cluster with the Kubernetes datastore. */
import { customResourceDefinitions } from './crd.ts';
import { manifestObjects, type Variable } from './objects.ts';
import { yamlOf } from './program.ts';

/** Environment of calico-node where no inventory says more. */
const nodeEnvironment: readonly Variable[] = [
  { name: 'DATASTORE_TYPE', value: 'kubernetes' },
  { name: 'WAIT_FOR_DATASTORE', value: 'true' },
  { name: 'NODENAME', fieldRef: 'spec.nodeName' },
  { name: 'CALICO_NETWORKING_BACKEND', value: 'bird' },
  { name: 'CLUSTER_TYPE', value: 'k8s,bgp' },
  { name: 'IP', value: 'autodetect' },
  { name: 'CALICO_IPV4POOL_IPIP', value: 'Always' },
  { name: 'CALICO_IPV4POOL_VXLAN', value: 'Never' },
  { name: 'FELIX_DEFAULTENDPOINTTOHOSTACTION', value: 'ACCEPT' },
  { name: 'FELIX_IPV6SUPPORT', value: 'false' },
  { name: 'FELIX_HEALTHENABLED', value: 'true' },
];

const cniNetworkConfig = `${JSON.stringify(
  {
    name: 'k8s-pod-network',
    cniVersion: '0.3.1',
    plugins: [
      {
        type: 'calico',
        log_level: 'info',
        datastore_type: 'kubernetes',
        nodename: '__KUBERNETES_NODE_NAME__',
        ipam: { type: 'calico-ipam' },
        policy: { type: 'k8s' },
        kubernetes: { kubeconfig: '__KUBECONFIG_FILEPATH__' },
      },
      { type: 'portmap', snat: true, capabilities: { portMappings: true } },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  },
  undefined,
  2,
)}\n`;

/** Texts by path below `packaging/kubernetes`. */
export function packagingFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const names: string[] = [];
  for (const definition of customResourceDefinitions()) {
    const name = `${(definition['metadata'] as { readonly name: string }).name}.yaml`;
    names.push(name);
    files.set(`crds/${name}`, yamlOf([definition]));
  }
  const kustomization = (resources: readonly string[]) =>
    yamlOf([{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }]);
  files.set('crds/kustomization.yaml', kustomization(names));
  files.set(
    'calico.yaml',
    yamlOf(
      manifestObjects({
        datastore: 'kdd',
        image: 'localhost/calico-ts:latest',
        nodeEnvironment,
        cniNetworkConfig,
        etcdEndpoints: '',
      }),
    ),
  );
  files.set('kustomization.yaml', kustomization(['crds', 'calico.yaml']));
  return files;
}
