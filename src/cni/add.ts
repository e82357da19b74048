/**
 * ADD: addresses, the endpoint and the profile are written in one transaction, then the kernel is set up, then the agent
 * is waited for. What fails after the transaction takes it back. Upstream: cni-plugin/pkg/plugin and pkg/k8s.
 */
import type { KeyValue, TxnStep } from '../datastore/index.ts';
import type { AssignedAddress, ExtraSteps } from '../ipam/index.ts';
import { hasKind, type Resource, type ResourceOf } from '../resources/index.ts';
import { clusterKey, endpointKey, notReady, requireReady } from './cluster.ts';
import { mtuOf, type NetConf, nodeNameOf, readNetConf } from './config.ts';
import { delegate, withPodCidrs } from './delegate.ts';
import { mesosLabels, networkProfile, randomMac, workloadEndpoint } from './endpoint.ts';
import { blockResult, poolCidrs, requestAddress, requestAddresses, singleResult } from './ipam-call.ts';
import { kubernetesClient } from './kubernetes/client.ts';
import { type PodSettings, podSettings } from './kubernetes/pod-settings.ts';
import type { KubernetesReader } from './kubernetes/reader.ts';
import { setUpPodNetwork } from './linux/pod-network.ts';
import { type CniArgs, readArgs } from './protocol/args.ts';
import type { CniCall, CniEnvironment } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import type { CniResult, ResultRoute } from './protocol/result.ts';
import { waitForGates } from './readiness-gates.ts';
import { datastoreReads } from './reads.ts';
import type { CniDeps } from './types.ts';
import { waitForPolicy } from './wait-for-policy.ts';
import { endpointName, handleOf, hostInterfaceName, type Workload, workloadOf } from './workload.ts';

/** Everything that an ADD knows before it writes. */
interface Plan {
  readonly call: CniCall;
  readonly env: CniEnvironment;
  readonly deps: CniDeps;
  readonly conf: NetConf;
  readonly args: CniArgs;
  readonly workload: Workload;
  readonly interfaceName: string;
  readonly mac: string;
  readonly mtu: number;
  readonly settings: PodSettings | undefined;
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  readonly reader: () => Promise<KubernetesReader>;
  readonly now: Date;
}

/** What the datastore said; a failed transaction brings it up to date. */
interface Facts {
  cluster: KeyValue;
  endpoint: KeyValue | undefined;
  /** `undefined`: the profile is missing and is to be made; `null`: none is needed. */
  profile: KeyValue | undefined | null;
}

/** Addresses with what of IPAM's answer goes into the result. */
interface Addressed {
  readonly addresses: readonly string[];
  readonly routes: readonly ResultRoute[];
  readonly podRoutes: readonly ResultRoute[];
  /** The endpoint is written already. */
  readonly written: boolean;
  /** Takes the addresses back. */
  readonly release: () => Promise<void>;
}

/** Runs an ADD. @throws CniError */
export async function add(call: CniCall, env: CniEnvironment, deps: CniDeps): Promise<CniResult> {
  const conf = readNetConf(call);
  const args = readArgs(call.args, { strict: false });
  checkSupported(conf, args);
  const node = nodeNameOf(conf);
  const mtu = mtuOf(conf);
  const first = workloadOf(call, args, node, mesosLabels(conf)['projectcalico.org.namespace'] ?? 'default');
  const reads = deps.reads ?? datastoreReads(deps.datastore);
  const [cluster, endpoints, profile] = await Promise.all([
    reads.cluster(),
    reads.endpoints(first, 'add'),
    conf.policyType === '' ? reads.profile(conf.name) : null,
  ]);
  requireReady(cluster);
  await waitForGates(conf.readinessGates);
  const existing = endpoints[0];
  const facts: Facts = { cluster: cluster!, endpoint: existing, profile };
  if (first.orchestrator === 'cni' && existing) return addAgain(call, conf, existing, deps);
  // An endpoint that is there keeps its name, even when the runtime asks for another interface.
  const workload = { ...first, endpoint: existingSpec(existing)?.endpoint ?? first.endpoint };
  const plan = await planOf({ call, env, deps, conf, args, workload, mtu });
  stopIfCancelled(deps);
  const addressed = await takeAddresses(plan, facts);
  try {
    stopIfCancelled(deps);
    if (!addressed.written) await writeEndpoint(plan, facts, addressed.addresses);
    await setUpPodNetwork({
      netns: call.netns,
      ifName: call.ifName,
      hostName: plan.interfaceName,
      mac: plan.mac,
      mtu,
      queues: conf.queues,
      addresses: addressed.addresses,
      routes: addressed.podRoutes,
      allowIpForwarding: conf.allowIpForwarding,
    });
  } catch (error) {
    await undo(plan, existing, addressed);
    throw error;
  }
  if (!deps.cancelled?.()) await waitForPolicy(conf, workload, deps);
  return {
    interfaces: [
      { name: plan.interfaceName },
      { name: call.ifName, mac: plan.mac, sandbox: call.netns, ...(mtu > 0 ? { mtu } : {}) },
    ],
    ips: addressed.addresses.map((address) => ({ interface: 1, address: withLength(address) })),
    routes: addressed.routes,
    dns: {},
  };
}

function stopIfCancelled(deps: CniDeps): void {
  if (deps.cancelled?.()) throw new CniError(cniCode.tryAgain, 'the container was deleted meanwhile');
}

function withLength(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function checkSupported(conf: NetConf, args: CniArgs): void {
  const fail = (message: string): never => {
    throw new CniError(cniCode.other, message);
  };
  if (conf.dataplaneType !== '' && conf.dataplaneType !== 'linux')
    fail(`invalid dataplane type: ${conf.dataplaneType}`);
  if (!['', 'etcdv3', 'kubernetes'].includes(conf.datastoreType)) {
    fail(`error creating calico client: unknown datastore type: ${conf.datastoreType}`);
  }
  const isPod = args.podName !== '' && args.podNamespace !== '';
  if (!isPod && conf.ipAddrsNoIpam)
    fail('requested feature is not supported for this runtime: ip_addrs_no_ipam');
  if (conf.policyTimeoutSeconds < 0) fail(`invalid pod startup delay of ${conf.policyTimeoutSeconds}`);
}

function existingSpec(kv: KeyValue | undefined): ResourceOf<'WorkloadEndpoint'>['spec'] | undefined {
  const value = kv?.value as Resource | undefined;
  return value && hasKind(value, 'WorkloadEndpoint') ? value.spec : undefined;
}

/** A second ADD of a plain container: nothing is made, a further network adds its profile. */
async function addAgain(call: CniCall, conf: NetConf, existing: KeyValue, deps: CniDeps): Promise<CniResult> {
  const endpoint = existing.value as ResourceOf<'WorkloadEndpoint'>;
  const profiles = endpoint.spec.profiles ?? [];
  if (!profiles.includes(conf.name)) {
    const value = { ...endpoint, spec: { ...endpoint.spec, profiles: [...profiles, conf.name] } };
    const key = endpointKey(endpoint.metadata.namespace ?? '', endpoint.metadata.name);
    const written = await deps.datastore.update(key, value, { revision: existing.revision });
    if (!written.ok)
      throw new CniError(cniCode.tryAgain, `update conflict: WorkloadEndpoint(${key.namespace}/${key.name})`);
  }
  if (conf.policyType === '') await ensureProfile(conf, deps);
  return {
    interfaces: [
      { name: endpoint.spec.interfaceName },
      { name: call.ifName, mac: endpoint.spec.mac ?? '', sandbox: call.netns },
    ],
    ips: (endpoint.spec.ipNetworks ?? []).map((address) => ({ interface: 1, address })),
    routes: [],
    dns: {},
  };
}

async function ensureProfile(conf: NetConf, deps: CniDeps): Promise<void> {
  const key = { type: 'resource', kind: 'Profile', name: conf.name } as const;
  if (await deps.datastore.get(key)) return;
  await deps.datastore.create(key, networkProfile(conf.name, false, deps.clock()));
}

async function planOf(
  known: Pick<Plan, 'call' | 'env' | 'deps' | 'conf' | 'args' | 'workload' | 'mtu'>,
): Promise<Plan> {
  const { conf, deps, workload, env } = known;
  let client: Promise<KubernetesReader> | undefined;
  const reader = () => {
    client ??= (deps.kubernetes ?? kubernetesClient)(conf);
    return client;
  };
  let settings: PodSettings | undefined;
  let namespaceLabels: Readonly<Record<string, string>> | undefined;
  if (workload.orchestrator === 'k8s') {
    const kubernetes = await reader();
    if (conf.policyType === 'k8s') {
      const namespace = await kubernetes.namespace(workload.namespace);
      const pod = await kubernetes.pod(workload.namespace, workload.pod);
      settings = podSettings(pod, namespace, conf);
      namespaceLabels = namespace.metadata.labels ?? {};
    }
  }
  const interfaceName = hostInterfaceName(workload, env);
  const mac = settings?.mac ?? randomMac();
  return { ...known, interfaceName, mac, settings, namespaceLabels, reader, now: deps.clock() };
}

async function takeAddresses(plan: Plan, facts: Facts): Promise<Addressed> {
  const { conf, settings, args } = plan;
  if (settings) checkFloatingIps(settings);
  if (settings && settings.addressesNoIpam.length > 0) {
    return withoutIpam(settings.addressesNoIpam);
  }
  if (conf.ipamType !== 'calico-ipam') return delegated(plan);
  if (settings && settings.addresses.length > 0) {
    return named(plan, facts, settings.addresses, { annotated: true });
  }
  if (args.ip !== undefined) return named(plan, facts, [args.ip], { annotated: false });
  return automatic(plan, facts);
}

/** A floating IP stands for the pod's address of its family: without one there is nothing to translate to. */
function checkFloatingIps(settings: PodSettings): void {
  const given = [...settings.addresses, ...settings.addressesNoIpam];
  const has = (v6: boolean) =>
    given.length > 0
      ? given.some((address) => address.includes(':') === v6)
      : v6
        ? settings.assignV6
        : settings.assignV4;
  const lonely = settings.floatingIps.find((address) => !has(address.includes(':')));
  if (lonely === undefined) return;
  throw new CniError(
    cniCode.other,
    `error with field ExternalIP = '${lonely}' (mismatched IP versions)`,
    'the pod has no address of that family',
  );
}

function withoutIpam(addresses: readonly string[]): Addressed {
  return { addresses, routes: [], podRoutes: defaultRoutes(), written: false, release: async () => {} };
}

function defaultRoutes(): readonly ResultRoute[] {
  return [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];
}

async function automatic(plan: Plan, facts: Facts): Promise<Addressed> {
  const { conf, settings, deps, workload } = plan;
  const assignV4 = settings?.assignV4 ?? conf.assignIpv4;
  const assignV6 = settings?.assignV6 ?? conf.assignIpv6;
  if (!assignV4 && !assignV6)
    throw new CniError(cniCode.other, 'IPAM plugin returned no IP addresses in result');
  const steps = endpointSteps(plan, facts);
  const result = await requestAddresses(deps.ipam, {
    conf,
    workload,
    now: plan.now,
    assignV4,
    assignV6,
    v4Pools: await poolCidrs(deps.datastore, settings?.v4Pools ?? conf.ipv4Pools, 4),
    v6Pools: await poolCidrs(deps.datastore, settings?.v6Pools ?? conf.ipv6Pools, 6),
    ...(plan.namespaceLabels ? { namespaceLabels: plan.namespaceLabels } : {}),
    existing: 'reuse',
    extra: steps,
  });
  if (result.refused) throw refusal(facts);
  const assigned = [...result.v4.addresses, ...result.v6.addresses];
  return {
    addresses: assigned.map(({ address }) => address),
    routes: blockResult(assigned).routes,
    podRoutes: defaultRoutes(),
    written: !result.reused,
    release: () => releaseHandle(plan),
  };
}

async function named(
  plan: Plan,
  facts: Facts,
  addresses: readonly string[],
  options: { readonly annotated: boolean },
): Promise<Addressed> {
  const { conf, workload, deps, now } = plan;
  const old = existingSpec(facts.endpoint)?.ipNetworks ?? [];
  if (options.annotated && old.length > 0) {
    // A new sandbox of the pod wants the addresses that the old one may still hold.
    await deps.ipam.releaseIps(old.map((net) => ({ address: net.slice(0, net.indexOf('/')) })));
  }
  const taken: AssignedAddress[] = [];
  try {
    for (const address of addresses) {
      const one = await requestAddress(deps.ipam, address, { conf, workload, now });
      if (one) taken.push(one);
    }
  } catch (error) {
    if (taken.length > 0) await releaseHandle(plan);
    if (!options.annotated || !(error instanceof CniError)) throw error;
    throw new CniError(error.cniCode, `error getting IP from IPAM: ${error.message}`);
  }
  return {
    addresses,
    // With several addresses upstream has several answers of its IPAM, and tells of none.
    routes: options.annotated ? [] : addresses.flatMap((address) => singleResult(address).routes),
    podRoutes: defaultRoutes(),
    written: false,
    release: () => releaseHandle(plan),
  };
}

async function delegated(plan: Plan): Promise<Addressed> {
  const { call, env, conf, workload } = plan;
  const ipam = await withPodCidrs(conf, workload.node, plan.reader);
  const config = { ...call.config, ipam };
  const result = await delegate(conf.ipamType, 'ADD', call, env, config);
  const release = async () => {
    await delegate(conf.ipamType, 'DEL', call, env, config);
  };
  if (result.ips.length === 0) {
    await release();
    throw new CniError(cniCode.other, 'IPAM plugin returned no IP addresses in result');
  }
  // Upstream takes host-local's routes for pods only.
  const custom = conf.ipamType === 'host-local' && workload.orchestrator === 'k8s' ? result.routes : [];
  const podRoutes =
    custom.length === 0
      ? defaultRoutes()
      : conf.includeDefaultRoutes
        ? [...defaultRoutes(), ...custom]
        : custom;
  return {
    addresses: result.ips.map(({ address }) => address.slice(0, address.indexOf('/'))),
    routes: result.routes,
    podRoutes,
    written: false,
    release,
  };
}

async function releaseHandle(plan: Plan): Promise<void> {
  await plan.deps.ipam.releaseByHandle(handleOf(plan.conf.name, plan.workload.containerId));
}

function refusal(facts: Facts): CniError {
  const cluster = facts.cluster.value as Resource;
  return cluster.spec['datastoreReady'] === true
    ? new CniError(cniCode.tryAgain, 'the endpoint changed while it was being made')
    : new CniError(cniCode.other, notReady);
}

/**
 * The steps that go with the allocation: the datastore is still ready, the endpoint is what it was, the profile exists.
 * They learn from a failed attempt; `undefined` when the datastore is no longer ready.
 */
function endpointSteps(plan: Plan, facts: Facts): ExtraSteps {
  return (assigned, current) => {
    if (current) {
      const [cluster, endpoint, profile] = current;
      if (cluster) facts.cluster = cluster;
      facts.endpoint = endpoint;
      if (facts.profile === undefined) facts.profile = profile;
      if ((facts.cluster.value as Resource).spec['datastoreReady'] !== true) return undefined;
    }
    return stepsFor(
      plan,
      facts,
      assigned.map(({ address }) => address),
    );
  };
}

function stepsFor(plan: Plan, facts: Facts, addresses: readonly string[]): readonly TxnStep[] {
  const { conf, workload, settings, now, interfaceName, mac } = plan;
  const name = endpointName(workload);
  const existing = facts.endpoint?.value as Resource | undefined;
  const labels = mesosLabels(conf);
  const value = workloadEndpoint({
    conf,
    workload,
    name,
    interfaceName,
    mac,
    addresses,
    now,
    settings,
    labels,
    existing,
  });
  const key = endpointKey(workload.namespace, name);
  return [
    { op: 'check', key: clusterKey, revision: facts.cluster.revision },
    facts.endpoint
      ? { op: 'update', key, value, revision: facts.endpoint.revision }
      : { op: 'create', key, value },
    ...(facts.profile === undefined
      ? [
          {
            op: 'create' as const,
            key: { type: 'resource' as const, kind: 'Profile', name: conf.name },
            value: networkProfile(conf.name, workload.orchestrator === 'k8s', now),
          },
        ]
      : []),
  ];
}

const writeAttempts = 5;

/** Writes the endpoint on its own, where IPAM's transaction could not take it along. */
async function writeEndpoint(plan: Plan, facts: Facts, addresses: readonly string[]): Promise<void> {
  const { datastore } = plan.deps;
  if (!datastore.txn) throw new CniError(cniCode.other, 'the datastore has no transactions');
  for (let attempt = 0; attempt < writeAttempts; attempt++) {
    const outcome = await datastore.txn(stepsFor(plan, facts, addresses));
    if (outcome.ok) return;
    const [cluster, endpoint, profile] = outcome.current;
    facts.cluster = requireReady(cluster);
    facts.endpoint = endpoint;
    if (facts.profile === undefined) facts.profile = profile;
  }
  throw new CniError(cniCode.tryAgain, `update conflict: WorkloadEndpoint(${endpointName(plan.workload)})`);
}

/** Takes back what was written: the endpoint becomes what it was, the addresses are free again. */
async function undo(plan: Plan, before: KeyValue | undefined, addressed: Addressed): Promise<void> {
  const { workload, deps } = plan;
  const key = endpointKey(workload.namespace, endpointName(workload));
  const now = await deps.datastore.get(key);
  if (now && existingSpec(now)?.containerID === workload.containerId) {
    if (before) await deps.datastore.update(key, before.value as Resource, { revision: now.revision });
    else await deps.datastore.delete(key, { revision: now.revision });
  }
  await addressed.release();
}
