/** The one-shot steps before the agent runs. Upstream: node/pkg/lifecycle/startup. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Datastore } from '../datastore/port.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { tryParseCidr } from '../ip/index.ts';
import { apiVersion, type Resource } from '../resources/resource.ts';
import type { DetectionFacts } from './autodetect.ts';
import { type DefaultPool, defaultPools } from './default-pools.ts';
import { type ClusterFacts, ensureClusterInformation, ensureDefaultResources } from './defaults.ts';
import { addressClash, desiredNode, findAddresses, type NodeAddresses } from './node-resource.ts';
import type { NodeSettings } from './settings.ts';
import { newMetadata, type Stamp, upsert } from './upsert.ts';

/** What start-up needs from outside. */
export interface StartupContext {
  readonly nodeName: string;
  readonly settings: NodeSettings;
  readonly store: Datastore;
  readonly facts: DetectionFacts;
  readonly cluster: ClusterFacts;
  readonly stamp: Stamp;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (severity: 'info' | 'warning', message: string) => void;
}

/** Runs every step. @throws CalicoError with a cure; the caller exits 1 */
export async function startup(context: StartupContext): Promise<void> {
  await waitForDatastore(context);
  await writeNode(context);
  await createDefaultPools(context);
  await ensureClusterInformation(context.store, context.cluster, context.stamp);
  await ensureDefaultResources(context.store, context.nodeName, context.stamp);
  writeNodenameFile(context.settings.paths.nodenameFile, context.nodeName);
}

/** Detects the addresses again and writes the Node if they changed: the periodic part of start-up. */
export async function writeNode(context: StartupContext): Promise<void> {
  const { nodeName, settings, store, stamp, log } = context;
  const key = { type: 'resource', kind: 'Node', name: nodeName } as const;
  const stored = (await store.get(key))?.value;
  const addresses =
    settings.backend === 'none' ? undefined : await findAddresses(settings, stored, context.facts);
  for (const warning of addresses?.warnings ?? []) log('warning', warning);
  if (addresses && !settings.disableNodeIpCheck) await refuseClash(context, stored, addresses);
  const written = await upsert(store, key, (current) =>
    desiredNode(nodeName, current, addresses, settings, stamp),
  );
  if (written !== stored)
    log('info', `Node ${nodeName} written: ${addresses?.ipv4 ?? '-'} ${addresses?.ipv6 ?? ''}`.trimEnd());
}

async function refuseClash(
  context: StartupContext,
  stored: Resource | undefined,
  addresses: NodeAddresses,
): Promise<void> {
  const bgp = (stored?.spec['bgp'] ?? {}) as { readonly ipv4Address?: string; readonly ipv6Address?: string };
  if (bgp.ipv4Address === addresses.ipv4 && bgp.ipv6Address === addresses.ipv6) return;
  const nodes = (await context.store.list({ type: 'resource', kind: 'Node' })).items.map(
    (kv) => kv.value as Resource,
  );
  const clash = addressClash(context.nodeName, addresses, nodes);
  if (!clash) return;
  throw new CalicoError(
    'CONFLICT',
    `Calico node '${clash.node}' is already using the IPv${clash.version} address ${clash.address}.`,
    {
      cure: `Give this host its own address, delete the stale Node (calicoctl delete node ${clash.node}), or set DISABLE_NODE_IP_CHECK=true.`,
    },
  );
}

async function waitForDatastore({ settings, store, log }: StartupContext): Promise<void> {
  for (;;) {
    try {
      await store.get({ type: 'resource', kind: 'ClusterInformation', name: 'default' });
      return;
    } catch (error) {
      if (!settings.waitForDatastore || /permission|auth/i.test(messageOf(error))) throw error;
      log('info', `waiting for the datastore: ${messageOf(error)}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function createDefaultPools(context: StartupContext): Promise<void> {
  const { settings, store, stamp, log } = context;
  const pools = (await store.list({ type: 'resource', kind: 'IPPool' })).items.map(
    (kv) => kv.value as Resource,
  );
  const versions = new Set(pools.map((pool) => tryParseCidr(String(pool.spec['cidr']))?.version));
  const missing: readonly DefaultPool[] = defaultPools(settings.pool4, settings.pool6, {
    noDefaultPools: settings.noDefaultPools,
    hasPool: (version) => versions.has(version),
    interfaces: context.facts.interfaces,
    random: () => context.random(5),
  });
  for (const pool of missing) {
    const key = { type: 'resource', kind: 'IPPool', name: pool.name } as const;
    // Another node may be creating the same: "exists" is success.
    await store.create(key, {
      kind: 'IPPool',
      apiVersion,
      metadata: newMetadata(pool.name, stamp),
      spec: { ...pool.spec },
    });
    log('info', `created ${pool.name} ${pool.spec.cidr}`);
  }
}

/** Written atomically and without a newline, as the CNI plugin and probes read it. */
function writeNodenameFile(path: string, name: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, name, { mode: 0o644 });
  renameSync(`${path}.tmp`, path);
}
