/** What each account may do: no verb that its program does not use. */

/** A rule of a ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const read = ['get', 'list', 'watch'];
const crd = 'crd.projectcalico.org';
const rule = (group: string, resources: readonly string[], verbs: readonly string[]): Rule => ({
  apiGroups: [group],
  resources,
  verbs,
});

const policyKinds = [
  'bgpconfigurations',
  'bgpfilters',
  'bgppeers',
  'clusterinformations',
  'felixconfigurations',
  'globalnetworkpolicies',
  'globalnetworksets',
  'hostendpoints',
  'ippools',
  'ipreservations',
  'networkpolicies',
  'networksets',
  'stagedglobalnetworkpolicies',
  'stagedkubernetesnetworkpolicies',
  'stagednetworkpolicies',
  'tiers',
];

/** Rules of calico-node. */
export function nodeRules(datastore: 'etcd' | 'kdd'): readonly Rule[] {
  const common = [
    rule('', ['pods', 'nodes', 'namespaces'], datastore === 'kdd' ? read : ['get']),
    rule('', ['nodes/status'], ['patch']),
    rule('', ['configmaps'], ['get']),
    rule('', ['serviceaccounts/token'], ['create']),
    rule('', ['services', 'endpoints'], read),
    rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch']),
  ];
  if (datastore === 'etcd') return common;
  return [
    ...common,
    rule('', ['pods/status'], ['patch']),
    rule('', ['serviceaccounts'], read),
    rule('networking.k8s.io', ['networkpolicies'], ['list', 'watch']),
    rule('policy.networking.k8s.io', ['clusternetworkpolicies'], ['list', 'watch']),
    rule(crd, policyKinds, read),
    rule(
      crd,
      ['ippools', 'felixconfigurations', 'bgpconfigurations', 'clusterinformations', 'tiers'],
      ['create', 'update'],
    ),
    rule(crd, ['blockaffinities', 'ipamblocks', 'ipamhandles'], [...read, 'create', 'update', 'delete']),
    rule(crd, ['ipamconfigs'], [...read, 'create']),
  ];
}

/** Rules of the CNI plugin's own account. */
export function cniRules(datastore: 'etcd' | 'kdd'): readonly Rule[] {
  const common = [rule('', ['pods', 'nodes', 'namespaces'], ['get'])];
  if (datastore === 'etcd') return common;
  return [
    ...common,
    rule('', ['pods/status'], ['patch']),
    rule(crd, ['clusterinformations', 'ippools', 'ipreservations'], ['get', 'list']),
    rule(
      crd,
      ['blockaffinities', 'ipamblocks', 'ipamhandles', 'ipamconfigs'],
      ['get', 'list', 'create', 'update', 'delete'],
    ),
  ];
}

/** Rules of kube-controllers. */
export function controllerRules(datastore: 'etcd' | 'kdd'): readonly Rule[] {
  const common = [rule('', ['pods', 'nodes', 'namespaces', 'serviceaccounts'], read)];
  if (datastore === 'etcd') return [...common, rule('networking.k8s.io', ['networkpolicies'], read)];
  return [
    ...common,
    rule('networking.k8s.io', ['networkpolicies'], read),
    rule(
      crd,
      [
        'ippools',
        'ipreservations',
        ...['networkpolicies', 'felixconfigurations', 'bgpconfigurations', 'bgppeers'],
      ],
      read,
    ),
    rule(
      crd,
      [
        'clusterinformations',
        'tiers',
        'hostendpoints',
        'blockaffinities',
        'ipamblocks',
        'ipamhandles',
        'ipamconfigs',
        'kubecontrollersconfigurations',
        'kubecontrollersconfigurations/status',
      ],
      [...read, 'create', 'update', 'delete'],
    ),
  ];
}
