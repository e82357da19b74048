/** `calico-kube-controllers`. Upstream: kube-controllers/cmd/kube-controllers. */
import { randomUUID } from 'node:crypto';
import {
  configFromEnvironment,
  connect,
  connectKubernetes,
  type KubernetesDatastore,
} from '../datastore/index.ts';
import { messageOf } from '../errors.ts';
import type { Stamps } from './apply.ts';
import { ensureInitialised, loadConfiguration } from './configuration.ts';
import { Controllers } from './controllers.ts';
import { serveMetrics } from './metrics.ts';
import { defaultStatusFile, readStatus, StatusFile } from './status-file.ts';

const usage = `Usage: calico-kube-controllers [--status-file FILE]
       calico-kube-controllers check-status [-r | -l] [--status-file FILE]

Copies Namespaces, ServiceAccounts, NetworkPolicies and labels of Pods and Nodes into an etcd datastore, deletes what
belongs to Nodes that are gone, makes automatic host endpoints, and releases addresses that nothing uses.

Environment: DATASTORE_TYPE, ETCD_*, KUBECONFIG, ENABLED_CONTROLLERS, RECONCILER_PERIOD, LOG_LEVEL, HEALTH_ENABLED,
SYNC_NODE_LABELS, AUTO_HOST_ENDPOINTS; each wins over KubeControllersConfiguration default.
Exit code 129: the configuration changed, start again.
`;

/** The configuration changed: whoever started the process starts it anew. */
const restartCode = 129;

/** Runs the controllers until a signal or a change of the configuration. */
export async function kubeControllersProgram(argv: readonly string[]): Promise<number> {
  const words = [...argv];
  const at = words.findIndex((word) => /^--?status-file$/.test(word));
  const file = at >= 0 ? words.splice(at, 2)[1] : undefined;
  const path = file ?? defaultStatusFile;
  if (words.some((word) => /^(-h|--help|help)$/.test(word))) {
    process.stdout.write(usage);
    return 0;
  }
  if (words[0] === 'check-status') {
    const { ready, text } = readStatus(path);
    (ready ? process.stdout : process.stderr).write(`${text}\n`);
    return ready ? 0 : 1;
  }
  if (words.length > 0) {
    process.stderr.write(usage);
    return 2;
  }
  return run(path);
}

async function run(statusPath: string): Promise<number> {
  const log = (level: string, message: string) => {
    const stamp = new Date().toISOString().replace('T', ' ').replace('Z', '');
    process.stderr.write(`${stamp} [${level.toUpperCase()}][${process.pid}] kube-controllers: ${message}\n`);
  };
  const stamps: Stamps = { now: () => new Date(), uuid: randomUUID };
  const config = configFromEnvironment(process.env);
  const status = new StatusFile(statusPath);
  status.set('Startup', false, 'initialising');
  const calico = await connect(config);
  const kubernetes =
    calico.kind === 'kubernetes'
      ? (calico as KubernetesDatastore)
      : await connectKubernetes({ ...config, datastoreType: 'kubernetes' });
  for (;;) {
    try {
      await ensureInitialised(calico, stamps);
      break;
    } catch (error) {
      log('error', `the datastore is not ready: ${messageOf(error)}`);
      status.set('CalicoDatastore', false, messageOf(error));
      await new Promise((resolve) => setTimeout(resolve, 5_000));
    }
  }
  let resolved: Awaited<ReturnType<typeof loadConfiguration>>;
  try {
    resolved = await loadConfiguration(calico, process.env, stamps);
  } catch (error) {
    log('fatal', messageOf(error));
    return 1;
  }
  status.set('Startup', true, '');
  const { settings } = resolved;
  const identity = ({ runningConfig, settings: { metricsPort } }: typeof resolved) =>
    JSON.stringify([runningConfig, metricsPort]);
  return new Promise((resolve) => {
    const running = identity(resolved);
    const controllers = new Controllers({
      calico,
      kubernetes,
      settings,
      stamps,
      log,
      onConfiguration: () => {
        loadConfiguration(calico, process.env, stamps).then(
          (now) => {
            if (identity(now) === running) return;
            log('warn', 'the configuration changed: ending, to be started with the new one');
            void end(restartCode);
          },
          (error: unknown) => log('error', messageOf(error)),
        );
      },
    });
    const metrics = settings.metricsPort > 0 ? serveMetrics(settings.metricsPort, calico, log) : undefined;
    const health = settings.healthChecks ? status.watch(calico, kubernetes.client) : undefined;
    const end = async (code: number) => {
      health?.();
      metrics?.close();
      await controllers.stop();
      calico.close();
      kubernetes.close();
      resolve(code);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(0));
    controllers.start();
  });
}
