/** Two hosts in namespaces, joined by a veth, and the pieces that agent tests need. */
import {
  type AgentOptions,
  createAgent,
  type Log,
  noDrift,
  type RuleChange,
  type RuleDataplane,
  resolveConfig,
} from '../../src/felix/index.ts';
import { createNamespace, deleteNamespace, Namespace, RtNetlink } from '../../src/linux/index.ts';
import type { ProgramUpdate, RouteProgram, WorkloadProgram } from '../../src/policy/index.ts';

/** A host: its namespace and a netlink socket in it. */
export interface TestHost {
  readonly name: string;
  readonly namespace: Namespace;
  readonly netlink: RtNetlink;
}

/** Makes hosts h1 and h2 with eth0 192.0.2.1/24 and 192.0.2.2/24, joined. */
export function makeHosts(prefix: string): { h1: TestHost; h2: TestHost; remove(): void } {
  const make = (name: string): TestHost => {
    createNamespace(name);
    const namespace = Namespace.open(name);
    const netlink = new RtNetlink({ namespace });
    netlink.setLink('lo', { up: true });
    return { name, namespace, netlink };
  };
  const h1 = make(`${prefix}1`);
  const h2 = make(`${prefix}2`);
  h1.netlink.addLink(
    'eth0',
    { kind: 'veth', peer: { name: 'eth0', namespaceFd: h2.namespace.fd } },
    { up: true },
  );
  h2.netlink.setLink('eth0', { up: true });
  for (const [index, host] of [h1, h2].entries()) {
    host.netlink.addAddress('eth0', `192.0.2.${index + 1}/24`);
    host.netlink.addAddress('eth0', `fd00:2::${index + 1}/64`);
    // Proxy ARP answers only where the host itself has a way to the gateway.
    host.netlink.addRoute({ dst: '0.0.0.0/0', hops: [{ oif: 0, gateway: '192.0.2.254' }] });
  }
  return {
    h1,
    h2,
    remove() {
      for (const host of [h1, h2]) {
        host.netlink.close();
        host.namespace.close();
        deleteNamespace(host.name);
      }
    },
  };
}

/** Makes a pod namespace on a host, as the CNI plugin does. */
export function makePod(host: TestHost, pod: string, interfaceName: string, address: string): () => void {
  createNamespace(pod);
  const namespace = Namespace.open(pod);
  host.netlink.addLink(
    interfaceName,
    { kind: 'veth', peer: { name: 'eth0', namespaceFd: namespace.fd } },
    { up: true, mac: 'ee:ee:ee:ee:ee:ee' },
  );
  const inside = new RtNetlink({ namespace });
  inside.setLink('lo', { up: true });
  inside.setLink('eth0', { up: true });
  inside.addAddress('eth0', `${address}/32`);
  const oif = inside.requireLink('eth0').index;
  inside.addRoute({ dst: '169.254.1.1/32', hops: [{ oif }] });
  inside.addRoute({ dst: '0.0.0.0/0', hops: [{ oif, gateway: '169.254.1.1' }] });
  inside.close();
  namespace.close();
  return () => deleteNamespace(pod);
}

/** A packet filter that does nothing and remembers what it was told. */
export function idleRules(): RuleDataplane & { readonly changes: RuleChange[]; fail: boolean } {
  const rules = {
    name: 'nftables' as const,
    changes: [] as RuleChange[],
    fail: false,
    async apply(change: RuleChange) {
      if (rules.fail) throw new Error('refused');
      rules.changes.push(change);
      return { problems: [], hostEndpoints: new Map() };
    },
    resync: async () => noDrift,
    metrics: () => new Map(),
    close() {},
  };
  return rules;
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const line =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

/** An agent on a test host. */
export function agentOn(
  host: TestHost,
  nodeName: string,
  extra: Partial<AgentOptions> = {},
  environment = {},
) {
  return createAgent({
    nodeName,
    namespace: host.namespace,
    config: resolveConfig({ environment }),
    rules: idleRules(),
    log: keepingLog(),
    ...extra,
  });
}

/** A put. */
export function put(kind: string, key: string, value: unknown): ProgramUpdate {
  return { op: 'put', kind, key, value } as unknown as ProgramUpdate;
}

/** A local endpoint. */
export function workload(name: string, interfaceName: string, address: string): WorkloadProgram {
  return {
    id: { orchestrator: 'k8s', workload: `default/${name}`, endpoint: 'eth0' },
    state: 'active',
    interfaceName,
    ipv4Nets: [`${address}/32`],
    ipv6Nets: [],
    ipv4Nats: [],
    ipv6Nats: [],
    allowSpoofedSourcePrefixes: [],
    tiers: [],
    profiles: [],
  };
}

/** A route of the program. */
export function route(dst: string, more: Partial<RouteProgram>): RouteProgram {
  return {
    dst,
    types: ['remote-workload'],
    pool: 'vxlan',
    sameSubnet: false,
    natOutgoing: false,
    localWorkload: false,
    borrowed: false,
    ...more,
  };
}

/** Waits until a condition holds; fails after a while with its name. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`did not happen: ${what}`);
}
