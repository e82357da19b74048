/** What the plugins act on in a replay: one etcd for all cases, a private file system and network. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KubernetesReader, Pod, PodNamespace } from '../../../src/cni/index.ts';
import {
  connect,
  type Datastore,
  type EtcdClient,
  formatJson,
  parseJson,
} from '../../../src/datastore/index.ts';
import {
  createNamespace,
  deleteNamespace,
  inNamespace,
  listNamespaces,
  RtNetlink,
  readSysctl,
  writeSysctl,
} from '../../../src/linux/index.ts';
import { startEtcd, type TestEtcd } from '../../support/etcd.ts';
import type { NetworkState, Scenario, StoredKey } from './scenario.ts';

const tmpfsMagic = 0x01021994;
const folders = ['/var/lib/calico', '/var/lib/cni', '/etc/cni'];

/** The world, made when the first case needs it; it ends with the process. */
export class World {
  static #shared: Promise<World> | undefined;
  readonly etcd: TestEtcd;
  readonly client: EtcdClient;
  readonly datastore: Datastore;

  private constructor(etcd: TestEtcd, datastore: Datastore) {
    this.etcd = etcd;
    this.client = etcd.client();
    this.datastore = datastore;
  }

  /** The one world of this process. @throws when the process is not isolated: it would change the machine */
  static shared(): Promise<World> {
    World.#shared ??= World.#make();
    return World.#shared;
  }

  static async #make(): Promise<World> {
    if (Number(statfsSync('/run/netns').type) !== tmpfsMagic) {
      throw new Error('run this by scripts/isolated.mjs: it changes the network');
    }
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
    }
    const etcd = await startEtcd();
    process.on('exit', () => void etcd.stop());
    const datastore = await connect({ datastoreType: 'etcdv3', etcdEndpoints: etcd.endpoints[0]! });
    return new World(etcd, datastore);
  }

  /** Nothing of an earlier case is left; what the scenario presupposes is there. */
  async reset(scenario: Scenario): Promise<void> {
    for (const name of listNamespaces()) deleteNamespace(name);
    const host = new RtNetlink();
    for (const { name } of host.links())
      if (name.startsWith('cali') || name.startsWith('bwp')) host.deleteLink(name);
    host.close();
    await this.client.deleteRange('/calico/', '/calico0');
    for (const folder of folders) execFileSync('find', [folder, '-mindepth', '1', '-delete']);
    writeFileSync('/var/lib/calico/nodename', 'node1');
    this.setFile('/etc/cni/net.d/calico-kubeconfig', '{"clusters":[],"users":[],"contexts":[]}');
    // New namespaces of the recording's host had forwarding on.
    writeSysctl('net/ipv4/ip_forward', 1);
    const pods = new Set(scenario.steps.map((step) => step.env?.['CNI_NETNS']?.match(/\/(pod\d+)$/)?.[1]));
    for (const pod of pods) {
      if (pod === undefined) continue;
      createNamespace(pod);
      inNamespace(pod, () => {
        const inside = new RtNetlink();
        writeSysctl('net/ipv4/ip_forward', 1);
        inside.setLink('lo', { up: true });
        inside.close();
      });
    }
    await this.put(scenario.setup);
  }

  async put(keys: readonly StoredKey[]): Promise<void> {
    for (const { key, value } of keys) await this.client.put(key, Buffer.from(JSON.stringify(value)));
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.client.deleteRange(key, undefined);
  }

  /** Everything below /calico/, as JSON. */
  async dump(): Promise<ReadonlyMap<string, unknown>> {
    const { pairs } = await this.client.range({ key: '/calico/', end: '/calico0' });
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    return new Map(pairs.map(({ key, value }) => [key, JSON.parse(formatJson(parseJson(text(value))))]));
  }

  setFile(path: string, content: string | null | undefined): void {
    if (content === null || content === undefined) rmSync(path, { force: true });
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  }

  deletePod(name: string): void {
    deleteNamespace(name);
  }
}

/** The API server of a recording: its objects. */
export function recordedApi(objects: readonly Readonly<Record<string, unknown>>[]): KubernetesReader {
  const find = (kind: string, name: string, namespace?: string) =>
    objects.find((object) => {
      const metadata = object['metadata'] as { readonly name: string; readonly namespace?: string };
      return (
        object['kind'] === kind &&
        metadata.name === name &&
        (namespace ?? metadata.namespace) === metadata.namespace
      );
    });
  const need = (kind: string, plural: string, name: string, namespace?: string) => {
    const object = find(kind, name, namespace);
    if (!object) throw new Error(`${plural} "${name}" not found`);
    return object;
  };
  return {
    pod: async (namespace, name) => need('Pod', 'pods', name, namespace) as unknown as Pod,
    namespace: async (name) => need('Namespace', 'namespaces', name) as unknown as PodNamespace,
    podCidrs: async (name) => {
      const spec = need('Node', 'nodes', name)['spec'] as
        | { podCIDRs?: string[]; podCIDR?: string }
        | undefined;
      return spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
    },
  };
}

/** The state of a namespace in the recording's form, as far as it is compared; `undefined`: no such namespace. */
export function networkState(netns: string | undefined, like: NetworkState): NetworkState | undefined {
  if (netns !== undefined && !existsSync(netns)) return undefined;
  return netns === undefined
    ? readState(like, /^cali/)
    : inNamespace(netns, () => readState(like, /^(?!lo$)/));
}

function readState(like: NetworkState, wanted: RegExp): NetworkState {
  const net = new RtNetlink();
  try {
    const links = net.links().filter(({ name }) => wanted.test(name));
    const names = new Map(links.map(({ index, name }) => [index, name]));
    return {
      links: links.map(({ name, mac, mtu }) => ({ name, mac, mtu })),
      addresses: net.addresses().flatMap(({ index, address, scope }) => {
        const dev = names.get(index);
        return dev === undefined ? [] : [{ dev, addr: address, scope: scope === 253 ? 'link' : 'global' }];
      }),
      routes: ([4, 6] as const).flatMap((version) =>
        net.routes(version, { table: 254 }).flatMap((route) => {
          const hop = route.hops[0];
          const dev = hop && names.get(hop.oif);
          if (dev === undefined || route.dst.startsWith('ff00::')) return [];
          return [
            {
              dst: route.dst.endsWith('/0') ? 'default' : route.dst.replace(/\/(32|128)$/, ''),
              dev,
              family: String(version),
              ...(hop?.gateway ? { gateway: hop.gateway } : {}),
              ...(route.protocol === 2 ? { protocol: 'kernel' } : {}),
            },
          ];
        }),
      ),
      sysctls: Object.fromEntries(
        Object.keys(like.sysctls).map((name) => [name, readSysctl(name.replaceAll('.', '/')) ?? null]),
      ),
    };
  } finally {
    net.close();
  }
}
