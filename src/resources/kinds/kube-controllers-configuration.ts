import { duration, field, int, integer, list, map, oneOf, string, struct, type TypeOf } from '../schema.ts';

const enabled = oneOf(['Enabled', 'Disabled']);
const enabledRule = 'oneof=Enabled Disabled';

const reconciler = (go: string) => struct(go, { reconcilerPeriod: field(duration, { pointer: true }) });

const hostEndpointTemplate = struct('Template', {
  generateName: field(string),
  interfaceCIDRs: field(list(string)),
  interfacePattern: field(string),
  nodeSelector: field(string),
  labels: field(map(string)),
});

const controllers = struct('ControllersConfig', {
  node: field(
    struct('NodeControllerConfig', {
      reconcilerPeriod: field(duration, { pointer: true }),
      syncLabels: field(enabled, { rule: enabledRule }),
      hostEndpoint: field(
        struct('AutoHostEndpointConfig', {
          autoCreate: field(enabled, { rule: enabledRule }),
          createDefaultHostEndpoint: field(enabled, { since: 29, rule: enabledRule }),
          templates: field(list(hostEndpointTemplate), { since: 29 }),
        }),
        { pointer: true },
      ),
      leakGracePeriod: field(duration, { pointer: true, since: 20 }),
    }),
    { pointer: true },
  ),
  policy: field(reconciler('PolicyControllerConfig'), { pointer: true }),
  workloadEndpoint: field(reconciler('WorkloadEndpointControllerConfig'), { pointer: true }),
  serviceAccount: field(reconciler('ServiceAccountControllerConfig'), { pointer: true }),
  namespace: field(reconciler('NamespaceControllerConfig'), { pointer: true }),
  loadBalancer: field(
    struct('LoadBalancerControllerConfig', {
      assignIPs: field(oneOf(['AllServices', 'RequestedServicesOnly'], 'v3.AssignIPs')),
    }),
    { pointer: true, since: 30 },
  ),
  policyMigration: field(struct('PolicyMigrationControllerConfig', { enabled: field(string) }), {
    pointer: true,
    go: 'Migration',
    since: 32,
  }),
});

const spec = {
  logSeverityScreen: field(string, { rule: 'logLevel' }),
  healthChecks: field(enabled, { rule: enabledRule }),
  etcdV3CompactionPeriod: field(duration, { pointer: true }),
  prometheusMetricsPort: field(int, { pointer: true, since: 20, crd: { min: 0, max: 65535 } }),
  controllers: field(controllers, { zero: ['v3.15', 'v3.32'] }),
  debugProfilePort: field(integer('int32'), { pointer: true, since: 25, crd: { min: 0, max: 65535 } }),
};

/** Spec of the KubeControllersConfiguration `default`; upstream: api/pkg/apis/projectcalico/v3/kubecontrollersconfig.go. */
export const kubeControllersConfigurationSpec = struct('KubeControllersConfigurationSpec', spec);
/** Status of a KubeControllersConfiguration. */
export const kubeControllersConfigurationStatus = struct('KubeControllersConfigurationStatus', {
  runningConfig: field(struct('KubeControllersConfigurationSpec', spec), { zero: ['v3.15'] }),
  environmentVars: field(map(string)),
});

/** See {@link kubeControllersConfigurationSpec}. */
export type KubeControllersConfigurationSpec = TypeOf<typeof kubeControllersConfigurationSpec>;
