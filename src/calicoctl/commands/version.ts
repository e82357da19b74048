/** `version`: of this program and of the cluster. */

import { messageOf } from '../../errors.ts';
import { parseGoDuration } from '../../resources/index.ts';
import { buildCommit } from '../build.ts';
import type { ResourceClient } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import { type Command, type Ctl, CtlFailure, failure } from '../command.ts';
import { ConfigError } from '../config.ts';
import { flagArg, textArg } from '../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../grammar/help.ts';
import { openClient } from '../session.ts';

const poll = {
  spec: '--poll=<POLL>',
  text: 'Ask again after this time (10s, 1m, ...) and show what changed. 0 asks once.',
  since: 17,
};
const clientOnly = { spec: '--client', text: 'Show the version of this program only.', since: 30 };

/** See the module's comment. */
export const version: Command = {
  name: 'version',
  summary: 'Show versions.',
  help({ binary, release }) {
    const options = [sharedOptions.config, poll, sharedOptions.mismatch, clientOnly];
    return helpText({
      binary,
      release,
      usage: [`version ${usageOf(release, options)}`],
      options,
      description: `Shows the version of ${binary} and, from the datastore, that of the cluster.`,
    });
  },
  async run(args, ctl) {
    const wanted = textArg(args, '--poll') ?? '';
    const interval = wanted === '' ? 0 : parseGoDuration(wanted);
    if (typeof interval !== 'number') throw new CtlFailure('invalid poll duration specified: 0s');
    ctl.io.stdout(`Client Version:    ${ctl.release.version}\nGit commit:        ${await buildCommit()}\n`);
    if (flagArg(args, '--client')) return undefined;
    let client: ResourceClient;
    try {
      client = await openClient(args, ctl);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (!error.noKubernetes) throw new CtlFailure(error.message);
      ctl.io.stdout('Unable to detect installed Calico version\n');
      return undefined;
    }
    try {
      await showCluster(client, interval / 1e6, ctl);
    } finally {
      client.store.close();
    }
    return undefined;
  },
};

async function showCluster(client: ResourceClient, pause: number, ctl: Ctl): Promise<void> {
  let shownVersion: string | undefined;
  let shownType: string | undefined;
  for (;;) {
    try {
      const { spec } = await client.get({ kind: 'ClusterInformation', name: 'default' });
      const calicoVersion = String(spec['calicoVersion'] || 'unknown');
      const clusterType = String(spec['clusterType'] || 'unknown');
      if (calicoVersion !== shownVersion) ctl.io.stdout(`Cluster Version:   ${calicoVersion}\n`);
      if (clusterType !== shownType) ctl.io.stdout(`Cluster Type:      ${clusterType}\n`);
      shownVersion = calicoVersion;
      shownType = clusterType;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const line = failure(ctl, `unable to retrieve Cluster Version or Type: ${messageOf(error)}`);
      if (pause === 0) throw line;
      ctl.io.stderr(`${line.message}\n`);
    }
    if (pause === 0 || ctl.io.signal?.aborted) return;
    await ctl.io.sleep(pause);
  }
}
