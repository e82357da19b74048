/** `datastore migrate export`: everything in the etcd datastore, as text that import takes. */

import { pathOfKey } from '../../../datastore/index.ts';
import type { KeyValue, Query } from '../../../datastore/port.ts';
import type { Resource } from '../../../resources/index.ts';
import type { ResourceClient } from '../../client/client.ts';
import { wireForm } from '../../client/wire.ts';
import { type Command, type Ctl, CtlFailure, failure } from '../../command.ts';
import { ConfigError, defaultConfigPath, loadConnection } from '../../config.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { formatJsonIndented } from '../../output/json.ts';
import { formatYaml } from '../../output/yaml.ts';
import { sentence } from '../../release.ts';
import { withClient } from '../../session.ts';

const oldKinds = [
  'IPPool',
  'BGPConfiguration',
  'BGPPeer',
  'FelixConfiguration',
  'GlobalNetworkPolicy',
  'GlobalNetworkSet',
  'HostEndpoint',
  'NetworkPolicy',
  'NetworkSet',
  'Node',
];

const newKinds = [
  'IPPool',
  'BGPPeer',
  'Tier',
  'GlobalNetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'GlobalNetworkSet',
  'HostEndpoint',
  'KubeControllersConfiguration',
  'NetworkPolicy',
  'StagedNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'NetworkSet',
  'Node',
  'BGPConfiguration',
  'FelixConfiguration',
  'IPReservation',
  'BGPFilter',
];

/** See the module's comment. */
export const exportData: Command = {
  name: 'datastore migrate export',
  summary: 'Export data.',
  help({ binary, release }) {
    const optional = [sharedOptions.config, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      usage: [`datastore migrate export ${usageOf(release, optional)}`],
      options: optional,
      description: `Prints the contents of the etcd datastore for import into Kubernetes. The datastore must
be locked. Nodes get the names that Kubernetes has for them.`,
    });
  },
  async run(args, ctl) {
    await refuseKubernetes(textArg(args, '--config') ?? defaultConfigPath, ctl);
    await withClient(args, ctl, async (client) => {
      const information = await client.get({ kind: 'ClusterInformation', name: 'default' });
      if (information.spec['datastoreReady'] !== false) {
        const stop = ctl.release.minor <= 15 ? '.' : '';
        throw failure(
          ctl,
          `datastore is not locked. Run the \`calicoctl datastore migrate lock\` command in order to begin migration${stop}`,
        );
      }
      const nodeNames = new Map<string, string>();
      for (const kind of ctl.release.minor <= 15 ? oldKinds : newKinds) {
        const { items, revision } = await client.list(kind);
        const list = {
          kind: `${kind}List`,
          apiVersion: information.apiVersion,
          metadata: { resourceVersion: revision },
          items: items.filter((item) => isExported(item)).map((item) => exported(item, nodeNames, ctl)),
        };
        ctl.io.stdout(`${formatYaml(wireForm(list, ctl.release))}---\n`);
      }
      ctl.io.stdout(`===\n${formatJsonIndented(wireForm(information, ctl.release))}\n===\n`);
      ctl.io.stdout(`${formatJsonIndented(await ipamData(client, nodeNames))}\n`);
    });
    return undefined;
  },
};

async function refuseKubernetes(path: string, ctl: Ctl): Promise<void> {
  try {
    const { datastoreType } = await loadConnection(path, ctl);
    if (datastoreType === 'etcdv3') return;
    throw failure(
      ctl,
      `invalid datastore type: ${datastoreType} to export from for datastore migration. Datastore type must be etcdv3`,
    );
  } catch (error) {
    throw error instanceof ConfigError ? new CtlFailure(error.message) : error;
  }
}

/** Kubernetes makes its own policies again. */
function isExported(item: Resource): boolean {
  return !(item.kind === 'NetworkPolicy' && item.metadata.name.startsWith('knp.default.'));
}

function exported(item: Resource, nodeNames: Map<string, string>, ctl: Ctl): Resource {
  const { uid: _uid, resourceVersion: _rv, creationTimestamp: _time, ...metadata } = item.metadata;
  const kept = { ...metadata, ...(ctl.release.minor <= 15 ? { creationTimestamp: null } : {}) };
  if (item.kind !== 'Node') {
    const node =
      /^(?:Felix|BGP)Configuration$/.test(item.kind) && /^node\.(.+)$/.exec(item.metadata.name)?.[1];
    const renamed = node ? nodeNames.get(node) : undefined;
    return { ...item, metadata: renamed ? { ...kept, name: `node.${renamed}` } : kept };
  }
  const { name } = item.metadata;
  const references = (item.spec['orchRefs'] ?? []) as readonly Readonly<Record<string, string>>[];
  const reference = references.find((one) => one['orchestrator'] === 'k8s');
  if (!reference?.['nodeName']) {
    const missing = sentence(ctl.release, `node ${name} missing a 'k8s' orchestrator reference`);
    throw failure(
      ctl,
      `unable to process metadata for export for Node resource: ${missing}. Unable to export data unless every node has a 'k8s' orchestrator reference`,
    );
  }
  nodeNames.set(name, reference['nodeName']);
  return { ...item, metadata: { ...kept, name: reference['nodeName'] } };
}

/** IPAM's own keys with their values. */
async function ipamData(
  client: ResourceClient,
  _nodeNames: ReadonlyMap<string, string>,
): Promise<Readonly<Record<string, unknown>>> {
  const all = async (query: Query): Promise<readonly unknown[] | undefined> => {
    const { items } = await client.store.list(query);
    return items.length === 0 ? undefined : items.map(pairOf);
  };
  const config = await client.store.get({ type: 'ipam-config' });
  return {
    block_affinities: await all({ type: 'affinity' }),
    blocks: await all({ type: 'block' }),
    handles: await all({ type: 'handle' }),
    config: config && pairOf(config),
  };
}

function pairOf(kv: KeyValue): unknown {
  return { Key: pathOfKey(kv.key), Value: kv.value, TTL: 0 };
}
