/** Opens the datastore for a command, and the gate on versions that differ. */
import { messageOf } from '../errors.ts';
import { policyDialectFor } from '../resources/index.ts';
import { ResourceClient } from './client/client.ts';
import { ClientError } from './client/errors.ts';
import { type Ctl, CtlFailure, CtlHardExit } from './command.ts';
import { ConfigError, defaultConfigPath, loadConnection } from './config.ts';
import { type Args, flagArg, textArg } from './grammar/docopt.ts';

/** A client on the datastore that the arguments and the environment name. @throws ConfigError */
export async function openClient(args: Args, ctl: Ctl): Promise<ResourceClient> {
  const context = textArg(args, '--context');
  const io =
    context === undefined ? ctl.io : { ...ctl.io, env: { ...ctl.io.env, K8S_CURRENT_CONTEXT: context } };
  const config = await loadConnection(textArg(args, '--config') ?? defaultConfigPath, { ...ctl, io });
  const store = await ctl.io.connect(config);
  return new ResourceClient(store, {
    release: ctl.release,
    dialect: ctl.release.minor <= 15 ? 'v3.15' : 'v3.32',
    now: ctl.io.now,
    uuid: ctl.io.uuid,
    sleep: ctl.io.sleep,
  });
}

/** As {@link openClient}; a configuration that cannot be used ends the command on stdout, as upstream does. */
export async function openClientOrExit(args: Args, ctl: Ctl): Promise<ResourceClient> {
  try {
    return await openClient(args, ctl);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CtlHardExit(`Failed to create Calico API client: ${error.message}`);
  }
}

/**
 * Refuses to work on a cluster of another version, unless `--allow-version-mismatch`. What cannot be told is let
 * through. v3.15 knows no gate.
 */
export async function checkVersions(client: ResourceClient, args: Args, ctl: Ctl): Promise<void> {
  if (ctl.release.minor < 20) return;
  const tolerant = flagArg(args, '--allow-version-mismatch');
  let cluster: string;
  try {
    const information = await client.get({ kind: 'ClusterInformation', name: 'default' });
    cluster = String(information.spec['calicoVersion'] ?? '');
  } catch (error) {
    // That the datastore cannot be reached is no matter of versions.
    if (!(error instanceof ClientError)) throw error;
    if (tolerant || error.class === 'not-found') return;
    throw new CtlFailure(
      `unable to get Cluster Information to verify version mismatch: ${messageOf(error)}\nUse --allow-version-mismatch to override`,
    );
  }
  if (!ctl.io.env['CALICOCTL_RELEASE']) client.adoptDialect(policyDialectFor(cluster));
  const bare = (version: string): string => version.replace(/^v/, '').replace(/-.*$/, '');
  if (tolerant || cluster === '' || bare(cluster) === bare(ctl.release.version)) return;
  throw new CtlFailure(
    `version mismatch.\nClient Version:   ${ctl.release.version}\nCluster Version:  ${bare(cluster)}\nUse --allow-version-mismatch to override`,
  );
}

/** Opens the datastore, passes the gate, runs, closes. A configuration that cannot be used passes the gate. */
export async function withClient<T>(
  args: Args,
  ctl: Ctl,
  action: (client: ResourceClient) => Promise<T>,
): Promise<T> {
  const client = await openClient(args, ctl);
  try {
    await checkVersions(client, args, ctl);
    return await action(client);
  } finally {
    client.store.close();
  }
}
