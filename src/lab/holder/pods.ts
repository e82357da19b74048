/** Pods: network namespaces that are attached by the CNI plugins, called as a container runtime calls them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CalicoError } from '../../errors.ts';
import { createNamespace, deleteNamespace, Namespace, ProgramError, RtNetlink } from '../../linux/index.ts';
import type { PodStatus } from '../protocol.ts';
import { podNamespace } from './kubernetes-api.ts';
import type { Machine } from './machine.ts';

/** A plugin's entry in the chain. */
interface PluginConfig {
  readonly type: string;
}

/** A configuration as a runtime reads it. */
interface Conflist {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly PluginConfig[];
}

/** What a plugin answers to ADD. */
interface AddResult {
  readonly interfaces?: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string }[];
}

/** A pod of the lab. */
export class Pod {
  readonly machine: Machine;
  /** Name on its host. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containerId = randomBytes(32).toString('hex');
  readonly #uid = randomUUID();
  readonly #conflistFile: string;
  #result: AddResult | undefined;
  #network: Namespace | undefined;

  constructor(
    machine: Machine,
    name: string,
    labels: Readonly<Record<string, string>>,
    conflistFile: string,
  ) {
    this.machine = machine;
    this.name = name;
    this.labels = labels;
    this.#conflistFile = conflistFile;
  }

  /** Name in the cluster: `node2-pod1`. */
  get fullName(): string {
    return `${this.machine.name}-${this.name}`;
  }

  /** Name of its network namespace. */
  get networkName(): string {
    return `pod-${this.fullName}`;
  }

  get network(): Namespace {
    if (!this.#network) throw new CalicoError('NOT_FOUND', `the pod ${this.fullName} has no network`);
    return this.#network;
  }

  /** Without prefix. */
  get addresses(): readonly string[] {
    return (this.#result?.ips ?? []).map(({ address }) => address.split('/')[0]!);
  }

  get status(): PodStatus {
    return {
      host: this.machine.name,
      name: this.name,
      addresses: this.addresses,
      interface: this.#result?.interfaces?.find(({ sandbox }) => !sandbox)?.name ?? '',
    };
  }

  /** Makes the namespace and runs the chain. @throws CalicoError PROGRAM with the plugin's words */
  async add(): Promise<void> {
    createNamespace(this.networkName);
    this.#network = Namespace.open(this.networkName);
    const netlink = new RtNetlink({ namespace: this.#network });
    netlink.setLink('lo', { up: true });
    netlink.close();
    try {
      const conflist = this.#conflist();
      let result: AddResult | undefined;
      for (const plugin of conflist.plugins) {
        result = JSON.parse(await this.#call('ADD', conflist, plugin, result)) as AddResult;
      }
      this.#result = result;
    } catch (error) {
      await this.delete().catch(() => {});
      throw error;
    }
  }

  /** Runs the chain backwards and removes the namespace. */
  async delete(): Promise<void> {
    try {
      const conflist = this.#conflist();
      for (const plugin of conflist.plugins.toReversed())
        await this.#call('DEL', conflist, plugin, this.#result);
    } finally {
      this.#network?.close();
      this.#network = undefined;
      deleteNamespace(this.networkName);
    }
  }

  #conflist(): Conflist {
    return JSON.parse(readFileSync(this.#conflistFile, 'utf8')) as Conflist;
  }

  async #call(
    command: 'ADD' | 'DEL',
    { name, cniVersion }: Conflist,
    plugin: PluginConfig,
    prevResult: AddResult | undefined,
  ): Promise<string> {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: this.containerId,
      CNI_NETNS: `/run/netns/${this.networkName}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
      CNI_ARGS: [
        'IgnoreUnknown=1',
        `K8S_POD_NAMESPACE=${podNamespace}`,
        `K8S_POD_NAME=${this.fullName}`,
        `K8S_POD_INFRA_CONTAINER_ID=${this.containerId}`,
        `K8S_POD_UID=${this.#uid}`,
      ].join(';'),
    };
    const input = JSON.stringify({ name, cniVersion, ...plugin, ...(prevResult ? { prevResult } : {}) });
    try {
      return await this.machine.run([`/opt/cni/bin/${plugin.type}`], { env, input });
    } catch (error) {
      const said = error instanceof ProgramError ? `${error.stdout}${error.stderr}`.trim() : String(error);
      throw new CalicoError(
        'PROGRAM',
        `CNI ${command} of ${this.fullName} by ${plugin.type} failed: ${said}`,
        {
          cure: `See: calico lab logs ${this.machine.name}`,
          cause: error,
        },
      );
    }
  }
}
