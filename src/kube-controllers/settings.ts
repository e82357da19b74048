/** Settings: KubeControllersConfiguration `default`, with environment variables on top. */
import { CalicoError } from '../errors.ts';
import {
  formatGoDuration,
  type KubeControllersConfigurationSpec,
  parseGoDuration,
} from '../resources/index.ts';

type Spec = KubeControllersConfigurationSpec;
type Environment = Readonly<Record<string, string | undefined>>;

/** A template of automatic host endpoints. */
export interface HostEndpointTemplate {
  readonly generateName?: string;
  readonly interfaceCIDRs?: readonly string[];
  readonly interfacePattern?: string;
  readonly nodeSelector?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A controller that can be switched on. */
export type ControllerName =
  | 'node'
  | 'policy'
  | 'namespace'
  | 'serviceaccount'
  | 'workloadendpoint'
  | 'loadbalancer';

/** What the process does. Periods are in milliseconds. */
export interface ControllerSettings {
  readonly enabled: ReadonlySet<ControllerName>;
  readonly healthChecks: boolean;
  readonly syncLabels: boolean;
  readonly autoHostEndpoints: boolean;
  readonly createDefaultHostEndpoint: boolean;
  readonly templates: readonly HostEndpointTemplate[];
  /** 0: nothing is released by itself. */
  readonly leakGracePeriod: number;
  readonly reconcilerPeriod: number;
  readonly metricsPort: number;
  readonly logLevel: string;
}

/** Settings with what goes into the status of the configuration. */
export interface ResolvedSettings {
  readonly settings: ControllerSettings;
  readonly runningConfig: Spec;
  readonly environmentVars: Readonly<Record<string, string>>;
}

const names: Readonly<Record<string, ControllerName>> = {
  node: 'node',
  policy: 'policy',
  namespace: 'namespace',
  profile: 'namespace',
  serviceaccount: 'serviceaccount',
  workloadendpoint: 'workloadendpoint',
  loadbalancer: 'loadbalancer',
};

const period = { reconcilerPeriod: '5m0s' };

/** The configuration that is stored when there is none. */
export const defaultConfiguration: Spec = {
  logSeverityScreen: 'Info',
  healthChecks: 'Enabled',
  etcdV3CompactionPeriod: '10m0s',
  prometheusMetricsPort: 9094,
  controllers: {
    node: {
      ...period,
      syncLabels: 'Enabled',
      hostEndpoint: { autoCreate: 'Disabled', createDefaultHostEndpoint: 'Enabled' },
      leakGracePeriod: '15m0s',
    },
    policy: period,
    workloadEndpoint: period,
    serviceAccount: period,
    namespace: period,
    loadBalancer: { assignIPs: 'AllServices' },
    policyMigration: { enabled: 'Enabled' },
  },
};

/** Variables that are read here; each wins over the resource. */
const variables = [
  'LOG_LEVEL',
  'ENABLED_CONTROLLERS',
  'RECONCILER_PERIOD',
  'COMPACTION_PERIOD',
  'HEALTH_ENABLED',
  'SYNC_NODE_LABELS',
  'AUTO_HOST_ENDPOINTS',
];

/** The settings of a stored configuration and an environment. @throws CalicoError INPUT for a bad variable */
export function resolveSettings(
  stored: Spec,
  env: Environment,
  datastore: 'etcdv3' | 'kubernetes',
): ResolvedSettings {
  const { controllers = {} } = stored;
  const enabled = enabledOf(env['ENABLED_CONTROLLERS'], controllers);
  const period = durationOf(env, 'RECONCILER_PERIOD');
  const compaction = durationOf(env, 'COMPACTION_PERIOD') ?? stored.etcdV3CompactionPeriod ?? '10m0s';
  const node = controllers.node ?? {};
  const hostEndpoint = node.hostEndpoint ?? {};
  const syncLabels =
    datastore === 'kubernetes'
      ? 'Disabled'
      : (flagOf(env, 'SYNC_NODE_LABELS', 'true', 'false') ?? node.syncLabels ?? 'Enabled');
  const autoCreate =
    flagOf(env, 'AUTO_HOST_ENDPOINTS', 'enabled', 'disabled') ?? hostEndpoint.autoCreate ?? 'Disabled';
  const healthChecks = flagOf(env, 'HEALTH_ENABLED', 'true', 'false') ?? stored.healthChecks ?? 'Enabled';
  const leakGracePeriod = node.leakGracePeriod ?? '15m0s';
  const logSeverityScreen = env['LOG_LEVEL'] || (stored.logSeverityScreen ?? 'Info');
  const periodOf = (own: { readonly reconcilerPeriod?: string } | undefined) => ({
    reconcilerPeriod: period ?? own?.reconcilerPeriod ?? '5m0s',
  });
  const createDefaultHostEndpoint = hostEndpoint.createDefaultHostEndpoint ?? 'Enabled';
  const { templates } = hostEndpoint;
  const runningConfig: Spec = {
    logSeverityScreen,
    healthChecks,
    etcdV3CompactionPeriod: compaction,
    controllers: {
      ...(enabled.has('node')
        ? {
            node: {
              syncLabels,
              ...(node.hostEndpoint || env['AUTO_HOST_ENDPOINTS'] !== undefined
                ? { hostEndpoint: { ...hostEndpoint, autoCreate } }
                : {}),
              ...(node.leakGracePeriod === undefined ? {} : { leakGracePeriod }),
            },
          }
        : {}),
      ...(enabled.has('policy') ? { policy: periodOf(controllers.policy) } : {}),
      ...(enabled.has('workloadendpoint')
        ? { workloadEndpoint: periodOf(controllers.workloadEndpoint) }
        : {}),
      ...(enabled.has('serviceaccount') ? { serviceAccount: periodOf(controllers.serviceAccount) } : {}),
      ...(enabled.has('namespace') ? { namespace: periodOf(controllers.namespace) } : {}),
      ...(enabled.has('loadbalancer')
        ? { loadBalancer: controllers.loadBalancer ?? { assignIPs: 'AllServices' } }
        : {}),
      policyMigration: controllers.policyMigration ?? { enabled: 'Enabled' },
    },
  };
  return {
    settings: {
      enabled,
      healthChecks: healthChecks === 'Enabled',
      syncLabels: syncLabels === 'Enabled',
      autoHostEndpoints: autoCreate === 'Enabled',
      createDefaultHostEndpoint: createDefaultHostEndpoint === 'Enabled',
      templates: templates ?? [],
      leakGracePeriod: milliseconds(leakGracePeriod),
      reconcilerPeriod: milliseconds(period ?? controllers.policy?.reconcilerPeriod ?? '5m0s'),
      metricsPort: stored.prometheusMetricsPort ?? 0,
      logLevel: logSeverityScreen,
    },
    runningConfig,
    environmentVars: Object.fromEntries(
      variables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
    ),
  };
}

/** Blanks around the names are fine; a name that is none is fatal, as is an empty list. */
function enabledOf(
  text: string | undefined,
  controllers: NonNullable<Spec['controllers']>,
): Set<ControllerName> {
  if (text === undefined) {
    const present: readonly (readonly [unknown, ControllerName])[] = [
      [controllers.node, 'node'],
      [controllers.policy, 'policy'],
      [controllers.namespace, 'namespace'],
      [controllers.serviceAccount, 'serviceaccount'],
      [controllers.workloadEndpoint, 'workloadendpoint'],
      [controllers.loadBalancer, 'loadbalancer'],
    ];
    return new Set(present.flatMap(([section, name]) => (section === undefined ? [] : [name])));
  }
  return new Set(
    text.split(',').map((part) => {
      const name = names[part.trim()];
      if (name !== undefined) return name;
      throw new CalicoError('INPUT', `Invalid controller '${part.trim()}' in ENABLED_CONTROLLERS.`, {
        cure: `Name some of ${Object.keys(names).join(', ')}, separated by commas.`,
      });
    }),
  );
}

function durationOf(env: Environment, name: string): string | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  const parsed = parseGoDuration(text);
  if (typeof parsed === 'number') return formatGoDuration(parsed);
  throw new CalicoError('INPUT', `${name}: ${JSON.stringify(text)} is no duration such as 5m`);
}

function milliseconds(text: string): number {
  const parsed = parseGoDuration(text);
  return typeof parsed === 'number' ? parsed / 1e6 : 0;
}

function flagOf(env: Environment, name: string, on: string, off: string): 'Enabled' | 'Disabled' | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  if (text.toLowerCase() === on) return 'Enabled';
  if (text.toLowerCase() === off) return 'Disabled';
  throw new CalicoError('INPUT', `${name}: ${JSON.stringify(text)} is neither ${on} nor ${off}`);
}
