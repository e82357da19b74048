/** The objects of a cluster: accounts, roles, configuration, calico-node and kube-controllers. */
import { cniRules, controllerRules, nodeRules, type Rule } from './roles.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An environment variable: text, or a field of the pod, or a key of a ConfigMap. */
export type Variable =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly fieldRef: string };

/** What the objects are made of. */
export interface ManifestOptions {
  readonly datastore: 'etcd' | 'kdd';
  readonly image: string;
  /** Environment of calico-node, from the plan. */
  readonly nodeEnvironment: readonly Variable[];
  /** The CNI configuration list that the install container writes. */
  readonly cniNetworkConfig: string;
  readonly etcdEndpoints: string;
  /** Folder of the etcd certificates on the hosts; absent without TLS. */
  readonly etcdCertificates?: string;
}

const namespace = 'kube-system';

/** All objects, in the order in which they are to be applied. */
export function manifestObjects(options: ManifestOptions): readonly Fields[] {
  const { datastore } = options;
  return [
    ...account('calico-node', nodeRules(datastore)),
    ...account('calico-cni-plugin', cniRules(datastore)),
    ...account('calico-kube-controllers', controllerRules(datastore)),
    configMap(options),
    daemonSet(options),
    deployment(options),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'calico-kube-controllers', namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { 'k8s-app': 'calico-kube-controllers' } } },
    },
  ];
}

function account(name: string, rules: readonly Rule[]): readonly Fields[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

function configMap({ etcdEndpoints, cniNetworkConfig, datastore }: ManifestOptions): Fields {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'calico-config', namespace },
    data: {
      ...(datastore === 'etcd' ? { etcd_endpoints: etcdEndpoints } : {}),
      cni_network_config: cniNetworkConfig,
    },
  };
}

function daemonSet(options: ManifestOptions): Fields {
  const { image, nodeEnvironment } = options;
  const labels = { 'k8s-app': 'calico-node' };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'calico-node', namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          hostNetwork: true,
          // Before the network is there nothing else tolerates its absence.
          tolerations: [{ operator: 'Exists' }],
          serviceAccountName: 'calico-node',
          terminationGracePeriodSeconds: 0,
          priorityClassName: 'system-node-critical',
          initContainers: [
            {
              name: 'install-cni',
              image,
              command: ['calico', 'node', 'install-cni'],
              env: [
                { name: 'CNI_CONF_NAME', value: '10-calico.conflist' },
                {
                  name: 'CNI_NETWORK_CONFIG',
                  valueFrom: { configMapKeyRef: { name: 'calico-config', key: 'cni_network_config' } },
                },
                variable({ name: 'KUBERNETES_NODE_NAME', fieldRef: 'spec.nodeName' }),
                { name: 'SLEEP', value: 'false' },
              ],
              securityContext: { privileged: true },
              volumeMounts: [mount('cni-bin', '/host/opt/cni/bin'), mount('cni-net', '/host/etc/cni/net.d')],
            },
          ],
          containers: [
            {
              name: 'calico-node',
              image,
              command: ['calico-node'],
              env: nodeEnvironment.map(variable),
              securityContext: { privileged: true },
              lifecycle: { preStop: { exec: { command: ['calico-node', '-shutdown'] } } },
              livenessProbe: probe(['calico-node', '-felix-live', '-bird-live'], 10, 6),
              readinessProbe: probe(['calico-node', '-felix-ready', '-bird-ready'], 0, 3),
              volumeMounts: nodeMounts(options),
            },
          ],
          volumes: nodeVolumes(options),
        },
      },
    },
  };
}

function deployment(options: ManifestOptions): Fields {
  const { datastore, image, etcdCertificates } = options;
  const labels = { 'k8s-app': 'calico-kube-controllers' };
  const etcd = datastore === 'etcd';
  const enabled = etcd ? 'policy,namespace,serviceaccount,workloadendpoint,node' : 'node';
  const certificates = (name: string) => `${etcdCertificates}/${name}`;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'calico-kube-controllers', namespace, labels },
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { name: 'calico-kube-controllers', namespace, labels },
        spec: {
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          ...(etcd ? { hostNetwork: true } : {}),
          tolerations: [
            { key: 'CriticalAddonsOnly', operator: 'Exists' },
            { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
            { key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' },
          ],
          serviceAccountName: 'calico-kube-controllers',
          priorityClassName: 'system-cluster-critical',
          containers: [
            {
              name: 'calico-kube-controllers',
              image,
              command: ['calico-kube-controllers'],
              env: [
                { name: 'DATASTORE_TYPE', value: etcd ? 'etcdv3' : 'kubernetes' },
                { name: 'ENABLED_CONTROLLERS', value: enabled },
                ...(etcd
                  ? [
                      {
                        name: 'ETCD_ENDPOINTS',
                        valueFrom: { configMapKeyRef: { name: 'calico-config', key: 'etcd_endpoints' } },
                      },
                    ]
                  : []),
                ...(etcd && etcdCertificates
                  ? [
                      { name: 'ETCD_CA_CERT_FILE', value: certificates('ca_cert.crt') },
                      { name: 'ETCD_CERT_FILE', value: certificates('cert.crt') },
                      { name: 'ETCD_KEY_FILE', value: certificates('key.pem') },
                    ]
                  : []),
              ],
              livenessProbe: probe(['calico-kube-controllers', 'check-status', '-l'], 10, 6),
              readinessProbe: probe(['calico-kube-controllers', 'check-status', '-r'], 0, 3),
              volumeMounts: [
                mount('status', '/status'),
                ...(etcd && etcdCertificates
                  ? [{ ...mount('etcd-certs', etcdCertificates), readOnly: true }]
                  : []),
              ],
            },
          ],
          volumes: [
            { name: 'status', emptyDir: {} },
            ...(etcd && etcdCertificates
              ? [{ name: 'etcd-certs', hostPath: { path: etcdCertificates } }]
              : []),
          ],
        },
      },
    },
  };
}

/** Folders of the host that calico-node works in. */
const hostFolders = {
  'lib-modules': '/lib/modules',
  'var-run-calico': '/var/run/calico',
  'var-lib-calico': '/var/lib/calico',
  'xtables-lock': '/run/xtables.lock',
  'cni-net': '/etc/cni/net.d',
  'cni-log': '/var/log/calico/cni',
} as const;

function nodeMounts({ datastore, etcdCertificates }: ManifestOptions): readonly Fields[] {
  return [
    ...Object.entries(hostFolders).map(([name, path]) =>
      name === 'cni-net'
        ? mount(name, '/host/etc/cni/net.d')
        : { ...mount(name, path), ...(name === 'lib-modules' ? { readOnly: true } : {}) },
    ),
    ...(datastore === 'etcd' && etcdCertificates
      ? [{ ...mount('etcd-certs', etcdCertificates), readOnly: true }]
      : []),
  ];
}

function nodeVolumes({ datastore, etcdCertificates }: ManifestOptions): readonly Fields[] {
  return [
    ...Object.entries(hostFolders).map(([name, path]) => ({
      name,
      hostPath: { path, ...(name === 'xtables-lock' ? { type: 'FileOrCreate' } : {}) },
    })),
    { name: 'cni-bin', hostPath: { path: '/opt/cni/bin' } },
    ...(datastore === 'etcd' && etcdCertificates
      ? [{ name: 'etcd-certs', hostPath: { path: etcdCertificates } }]
      : []),
  ];
}

function mount(name: string, mountPath: string): { readonly name: string; readonly mountPath: string } {
  return { name, mountPath };
}

function probe(command: readonly string[], initialDelaySeconds: number, failureThreshold: number): Fields {
  return {
    exec: { command },
    periodSeconds: 10,
    timeoutSeconds: 10,
    failureThreshold,
    ...(initialDelaySeconds > 0 ? { initialDelaySeconds } : {}),
  };
}

function variable(entry: Variable): Fields {
  return 'value' in entry
    ? { name: entry.name, value: entry.value }
    : { name: entry.name, valueFrom: { fieldRef: { fieldPath: entry.fieldRef } } };
}
