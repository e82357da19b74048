/** A lab as it runs inside its holder: what makes it, what it consists of, and what can be asked of it. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { runningBird } from '../../bgp/index.ts';
import type { Datastore } from '../../datastore/index.ts';
import { CalicoError, messageOf } from '../../errors.ts';
import type { HostPlan } from '../../kubespray/index.ts';
import { RtNetlink, runProgram, writeSysctl } from '../../linux/index.ts';
import { type Authority, makeAuthority } from '../certificates.ts';
import { compare, type ExpectedPod } from '../check/compare.ts';
import { expectedSessions } from '../check/expectation.ts';
import {
  observeEndpoints,
  observeHost,
  observeRouter,
  observeSessions,
  type Prober,
  probeEcho,
  probeHandshakes,
} from '../check/observe.ts';
import type { CheckReport } from '../check/report.ts';
import type { LabStatus, PodStatus, ProcessAction, ProcessStatus } from '../protocol.ts';
import type { LabSpec } from '../state.ts';
import { backbone, type LabBorderRouter, type LabTopology, topology } from '../topology.ts';
import { routerSetup } from './border-router.ts';
import { etcdCommand, openDatastore } from './etcd.ts';
import { hostPath, makeHostFiles, mountTable } from './host-files.ts';
import { podNamespace, serveKubernetes } from './kubernetes-api.ts';
import { Machine } from './machine.ts';
import { Pod } from './pods.ts';
import { podProfiles, writeStep } from './resources.ts';
import { connectBackbone, connectClient } from './router-networks.ts';
import { type StageProgress, Stages } from './stages.ts';
import { memoryMiB, Supervised } from './supervised.ts';

/** Limits of waiting, milliseconds. */
const patience = { etcd: 30_000, node: 120_000, sessions: 60_000, reachability: 120_000 } as const;

/** A program that has ended this often does not start. */
const hopeless = 4;

/** A host that runs calico-node. */
interface LabHost {
  readonly plan: HostPlan;
  readonly machine: Machine;
  readonly root: string;
}

/** See the file's comment. `view` is the state directory as the holder sees it. */
export class Lab {
  readonly spec: LabSpec;
  readonly topology: LabTopology;
  readonly stages = new Stages();
  readonly #view: string;
  readonly #hosts = new Map<string, LabHost>();
  readonly #routers: {
    readonly plan: LabBorderRouter;
    readonly machine: Machine;
    readonly client: Machine;
  }[] = [];
  readonly #supervised: Supervised[] = [];
  readonly #servers: Server[] = [];
  readonly #pods = new Map<string, Pod>();
  #store: Datastore | undefined;
  state: LabStatus['state'] = 'starting';
  upAfter = 0;

  constructor(spec: LabSpec, view: string) {
    this.spec = spec;
    this.#view = view;
    this.topology = topology(spec.plan, spec.podsPerNode);
  }

  /** Makes everything. @throws CalicoError of the stage that failed */
  async up(): Promise<void> {
    const began = performance.now();
    const { plan } = this.spec;
    try {
      await this.stages.run('hosts', this.topology.machines.length, (progress) => this.#makeHosts(progress));
      await this.stages.run('etcd', this.topology.etcd.length, (progress) => this.#startEtcd(progress));
      await this.stages.run('resources', plan.steps.length, (progress) => this.#writeResources(progress));
      const agents = this.#agents();
      await this.stages.run('calico-node', agents.length, (progress) => this.#startNodes(agents, progress));
      await this.stages.run('pods', this.topology.pods.length, (progress) => this.#startPods(progress));
      if (plan.bgpRunning) {
        const total = expectedSessions(plan).length;
        await this.stages.run('BGP sessions', total, (progress) => this.#awaitSessions(progress));
      }
      await this.stages.run('reachability', 1, (progress) => this.#awaitReachability(progress));
      this.state = 'up';
      this.upAfter = Math.round(performance.now() - began);
    } catch (error) {
      this.state = 'failed';
      throw error;
    }
  }

  /** What runs, and how much memory it takes. */
  status(): LabStatus {
    const processes = this.#supervised.map((one) => one.status);
    const birds = [...this.#hosts.values()].flatMap((host) => this.#birdOf(host));
    const all = [...processes, ...birds];
    return {
      name: this.spec.name,
      state: this.state,
      inventory: this.spec.inventory,
      hosts: this.spec.plan.hosts.map(({ name, address, roles }) => ({
        name,
        address,
        roles,
        memoryMiB: all.filter(({ host }) => host === name).reduce((sum, one) => sum + one.memoryMiB, 0),
      })),
      processes: all,
      pods: [...this.#pods.values()].map((pod) => pod.status),
      stages: this.stages.events,
    };
  }

  /** Compares the lab with its plan. */
  async check(): Promise<CheckReport> {
    const began = performance.now();
    const { plan } = this.spec;
    const hosts = this.#agents();
    const pods = [...this.#pods.values()];
    const domainOf = (host: string) => (plan.backend === 'none' ? host : '');
    const probers = pods.flatMap((pod) => proberOf(pod, domainOf));
    const addresses = hosts.map(
      ({ plan: { name, address, address6 }, machine }): Prober => ({
        name,
        addresses: [address, ...(address6 === null ? [] : [address6])],
        namespace: machine.network,
        domain: domainOf(name),
      }),
    );
    const clients = this.#routers.map(
      ({ plan: { client }, client: { name, network } }): Prober => ({
        name,
        addresses: [client.address.split('/')[0]!],
        namespace: network,
        domain: '',
      }),
    );
    const pods4 = probers.map((one) => ({
      ...one,
      addresses: one.addresses.filter((address) => !address.includes(':')),
    }));
    const [observed, endpoints, icmp, tcp, toHosts, routers, fromClients] = await Promise.all([
      Promise.all(
        hosts.map((host) =>
          observeHost(host.plan, host.machine.network, plan.bgpRunning ? birdSocket(host) : undefined),
        ),
      ),
      observeEndpoints(this.#datastore()),
      probeEcho('icmp', probers, probers),
      probeHandshakes('tcp', probers, probers),
      probeEcho('pod-to-host', probers, addresses),
      Promise.all(
        this.#routers.map((router) =>
          observeRouter(router.plan, router.machine, this.spec.routers, this.#routerFolder(router.plan)),
        ),
      ),
      probeEcho('clients', clients, pods4),
    ]);
    // After the pods' own probes: both listen in the pods.
    const handshakes = [
      ...(await probeHandshakes('clients', clients, pods4)),
      ...(await probeHandshakes('clients', pods4, clients)),
    ];
    const expected = pods.map((pod): ExpectedPod => {
      const { host, addresses: own, interface: link } = pod.status;
      const nodeName = this.#host(host).plan.nodeName;
      return { host, nodeName, fullName: pod.fullName, addresses: own, interface: link };
    });
    const seen = {
      hosts: observed,
      endpoints,
      pods: expected,
      routers,
      probes: [...icmp, ...tcp, ...toHosts, ...fromClients, ...handshakes],
    };
    return compare(plan, seen, Math.round(performance.now() - began));
  }

  /** Adds a pod. @throws CalicoError EXISTS, NOT_FOUND, PROGRAM */
  async addPod(
    host: string,
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<PodStatus> {
    const { plan, machine, root } = this.#host(host);
    if (!plan.runsNode) throw new CalicoError('INPUT', `${host} runs no calico-node, so it has no pods`);
    if (!/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/.test(name))
      throw new CalicoError('USAGE', `${JSON.stringify(name)} cannot be the name of a pod`);
    const pod = new Pod(
      machine,
      name,
      { app: name, ...labels },
      hostPath(root, '/etc/cni/net.d/10-calico.conflist'),
    );
    if (this.#pods.has(pod.fullName))
      throw new CalicoError('EXISTS', `there is a pod ${host}/${name} already`);
    this.#pods.set(pod.fullName, pod);
    try {
      await pod.add();
    } catch (error) {
      this.#pods.delete(pod.fullName);
      throw error;
    }
    return pod.status;
  }

  /** Removes a pod. @throws CalicoError NOT_FOUND */
  async deletePod(host: string, name: string): Promise<void> {
    const pod = this.#pods.get(`${host}-${name}`);
    if (!pod) {
      throw new CalicoError('NOT_FOUND', `there is no pod ${host}/${name}`, {
        cure: 'See: calico lab status',
      });
    }
    await pod.delete();
    this.#pods.delete(pod.fullName);
  }

  /** Ends, stops or starts a program of a host. A program that is killed comes back by itself. @throws CalicoError */
  controlProcess(host: string, program: ProcessStatus['program'], action: ProcessAction): void {
    const supervised = this.#supervised.find(
      ({ status }) => status.host === host && status.program === program,
    );
    const known = this.#hosts.get(host);
    const pid = supervised?.pid ?? (known && program === 'bird' ? this.#birdOf(known)[0]?.pid : undefined);
    if (action === 'kill' && typeof pid === 'number') {
      process.kill(pid, 'SIGKILL');
      return;
    }
    if (!supervised || action === 'kill') {
      throw new CalicoError('NOT_FOUND', `the lab has no program ${host}/${program} to ${action}`, {
        cure: 'Its programs: calico lab status. BIRD is looked after by calico-node: it can only be killed.',
      });
    }
    if (action === 'stop') supervised.pause();
    else supervised.start();
  }

  /** Arguments of nsenter, inside the holder, that lead onto a host or into a pod on it. @throws CalicoError NOT_FOUND */
  entrance(target: string): readonly string[] {
    const [host = '', name] = target.split('/');
    const outside = this.#routers.flatMap(({ machine, client }) => [machine, client]);
    const machine = outside.find((one) => one.name === host) ?? this.#host(host).machine;
    if (name === undefined) return machine.enter;
    const pod = this.#pods.get(`${host}-${name}`);
    if (!pod) {
      throw new CalicoError('NOT_FOUND', `there is no pod ${target}`, { cure: 'See: calico lab status' });
    }
    return [
      `--net=/run/netns/${pod.networkName}`,
      ...machine.enter.filter((word) => !word.startsWith('--net=')),
    ];
  }

  async #makeHosts(progress: StageProgress): Promise<void> {
    const { plan } = this.spec;
    const underlay = new RtNetlink();
    underlay.setLink('lo', { up: true });
    writeSysctl('net/ipv4/ip_forward', 1);
    writeSysctl('net/ipv6/conf/all/forwarding', 1);
    for (const { name, gateway, gateway6 } of this.topology.switches) {
      underlay.addLink(name, { kind: 'bridge' }, { up: true });
      underlay.addAddress(name, gateway);
      if (gateway6 !== undefined) underlay.addAddress(name, gateway6);
    }
    if (plan.routers.length > 0) underlay.addLink(backbone.name, { kind: 'bridge' }, { up: true });
    const authority = plan.datastore === 'etcd' ? makeAuthority('etcd-ca', new Date()) : undefined;
    await Promise.all(
      this.topology.machines.map(async (one) => {
        const machine = await Machine.create(one.name);
        machine.connect(one, underlay);
        const host = plan.hosts.find(({ name }) => name === one.name);
        if (one.kind === 'host' && host) await this.#furnish(host, machine, authority);
        else await this.#startRouter(machine, underlay);
        progress.step(one.name);
      }),
    );
    underlay.close();
  }

  async #furnish(plan: HostPlan, machine: Machine, authority: Authority | undefined): Promise<void> {
    const root = join(this.#view, 'hosts', plan.name);
    const executable = join(this.#view, 'bin', 'calico');
    makeHostFiles({ root, plan: this.spec.plan, host: plan, executable, authority, now: new Date() });
    const table = join(root, 'fstab');
    writeFileSync(table, mountTable(root));
    await runProgram('nsenter', [...machine.enter, '--', 'mount', '-n', '-a', '-T', table]);
    this.#hosts.set(plan.name, { plan, machine, root });
    if (plan.runsNode) {
      this.#servers.push(
        serveKubernetes(machine, (name) => {
          const pod = this.#pods.get(name);
          return pod && { name, node: pod.machine.name, labels: pod.labels };
        }),
      );
    }
  }

  async #startRouter(machine: Machine, underlay: RtNetlink): Promise<void> {
    const plan = this.topology.borderRouters.find(({ name }) => name === machine.name)!;
    const client = await Machine.create(plan.client.name);
    connectBackbone(machine, plan, underlay);
    connectClient(machine, client, plan.client);
    this.#routers.push({ plan, machine, client });
    const folder = this.#routerFolder(plan);
    mkdirSync(folder, { recursive: true });
    const { files, mounts, programs } = routerSetup(plan, this.spec.routers, folder);
    for (const [file, text] of Object.entries(files)) writeFileSync(file, text);
    for (const { file, over } of mounts) await machine.run(['mount', '-n', '--bind', file, over]);
    for (const { program, command } of programs) this.#supervise(machine, program, command);
  }

  #routerFolder({ name }: LabBorderRouter): string {
    return join(this.#view, 'hosts', name);
  }

  async #startEtcd(progress: StageProgress): Promise<void> {
    for (const member of this.topology.etcd) {
      const { machine } = this.#host(member.host);
      this.#supervise(machine, 'etcd', etcdCommand(member, this.topology.etcd));
      progress.step(member.host);
    }
    progress.detail('electing a leader');
    const first = this.#host(this.topology.etcd[0]!.host);
    this.#store = openDatastore(this.spec.plan, first.root, first.plan.name);
    const ready = async () => {
      await this.#datastore().get(
        { type: 'resource', kind: 'ClusterInformation', name: 'default' },
        { timeout: 2000 },
      );
      return true;
    };
    await eventually(ready, patience.etcd, 50, () => {
      const said = this.#supervised.find(({ status }) => status.program === 'etcd')?.lastLines ?? '';
      return `etcd does not serve: ${said}`;
    });
  }

  async #writeResources(progress: StageProgress): Promise<void> {
    const store = this.#datastore();
    for (const step of podProfiles(podNamespace)) await writeStep(store, step);
    for (const step of this.spec.plan.steps) {
      await writeStep(store, step);
      progress.step(`${step.resource.kind} ${step.resource.metadata.name}`);
    }
  }

  async #startNodes(agents: readonly LabHost[], progress: StageProgress): Promise<void> {
    const waiting = new Set(agents.map(({ plan }) => plan.name));
    await Promise.all(
      agents.map(async ({ plan, machine, root }) => {
        const env = Object.fromEntries(
          plan.environment.map(({ name, value }) => [
            name,
            value.replace(/^\/calico-secrets\//, '/etc/calico/certs/'),
          ]),
        );
        const node = this.#supervise(
          machine,
          'calico-node',
          [join(this.spec.plan.binDir, 'calico-node')],
          env,
        );
        const socket = hostPath(root, '/run/calico/cni.sock');
        await eventually(
          () => Promise.resolve(isSocket(socket)),
          patience.node,
          20,
          () => `calico-node on ${plan.name} does not start: ${node.lastLines}`,
          () => node.restarts >= hopeless,
        );
        waiting.delete(plan.name);
        progress.step([...waiting].slice(0, 4).join(' '));
      }),
    );
  }

  async #startPods(progress: StageProgress): Promise<void> {
    const byHost = Map.groupBy(this.topology.pods, ({ host }) => host);
    await Promise.all(
      [...byHost].map(async ([host, pods]) => {
        for (const { name } of pods) {
          await this.addPod(host, name);
          progress.step(`${host}/${name}`);
        }
      }),
    );
  }

  async #awaitSessions(progress: StageProgress): Promise<void> {
    const missing = new Set(expectedSessions(this.spec.plan));
    const describe = () =>
      [...missing]
        .map(([end]) => `${end?.host} with ${end?.peerAddress}`)
        .slice(0, 5)
        .join(', ');
    await eventually(
      async () => {
        const established = new Set<string>();
        const hosts = new Set([...missing].flat().map(({ host }) => host));
        await Promise.all(
          [...hosts].map(async (name) => {
            const sessions = await observeSessions(birdSocket(this.#host(name))).catch(() => []);
            for (const { neighbour, state } of sessions)
              if (state === 'Established') established.add(`${name} ${neighbour}`);
          }),
        );
        for (const ends of missing) {
          if (!ends.every(({ host, peerAddress }) => established.has(`${host} ${peerAddress}`))) continue;
          missing.delete(ends);
          progress.step(describe());
        }
        return missing.size === 0;
      },
      patience.sessions,
      100,
      () => `no BGP session: ${describe()}`,
    );
  }

  /** Routes follow sessions within moments: the check is repeated until nothing is missing. */
  async #awaitReachability(progress: StageProgress): Promise<void> {
    let report: CheckReport | undefined;
    await eventually(
      async () => {
        report = await this.check();
        const [first] = report.differences;
        if (first) progress.detail(`${report.differences.length} differences; ${first.where}: ${first.what}`);
        return first === undefined;
      },
      patience.reachability,
      200,
      () => {
        const [first] = report?.differences ?? [];
        return `${report?.differences.length} differences between the lab and its plan; the first: ${first?.where}: ${first?.what}: ${first?.actual}`;
      },
    );
    progress.step();
  }

  #supervise(
    machine: Machine,
    program: ProcessStatus['program'],
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Supervised {
    const logFile = join(this.#view, 'hosts', machine.name, 'log', `${program}.log`);
    const supervised = new Supervised({ machine, program, command, env, logFile });
    this.#supervised.push(supervised);
    supervised.start();
    return supervised;
  }

  #birdOf({ plan, root }: LabHost): readonly ProcessStatus[] {
    const at = (name: string) => hostPath(root, `/run/calico/${name}`);
    const pid = runningBird({
      binary: '',
      config: '',
      log: '',
      pid: at('bird.pid'),
      socket: '/var/run/calico/bird.ctl',
    });
    if (pid === undefined) return [];
    return [{ host: plan.name, program: 'bird', pid, restarts: 0, memoryMiB: memoryMiB(pid) }];
  }

  #agents(): readonly LabHost[] {
    return [...this.#hosts.values()].filter(({ plan }) => plan.runsNode);
  }

  #host(name: string): LabHost {
    const host = this.#hosts.get(name);
    if (host) return host;
    throw new CalicoError('NOT_FOUND', `there is no host ${name} in the lab`, {
      cure: `Hosts: ${[...this.#hosts.keys()].join(' ')}`,
    });
  }

  #datastore(): Datastore {
    if (!this.#store) throw new CalicoError('DATASTORE', 'etcd has not been started yet');
    return this.#store;
  }
}

function proberOf(pod: Pod, domainOf: (host: string) => string): readonly Prober[] {
  const { addresses, network } = pod;
  return addresses.length === 0
    ? []
    : [
        {
          name: `${pod.machine.name}/${pod.name}`,
          addresses,
          namespace: network,
          domain: domainOf(pod.machine.name),
        },
      ];
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function birdSocket({ root }: LabHost): string {
  return hostPath(root, '/run/calico/bird.ctl');
}

/** Repeats until it holds; what it throws counts as "not yet". @throws CalicoError TIMEOUT */
async function eventually(
  look: () => Promise<boolean>,
  limit: number,
  interval: number,
  why: () => string,
  givenUp: () => boolean = () => false,
): Promise<void> {
  const until = performance.now() + limit;
  let last = '';
  for (;;) {
    try {
      if (await look()) return;
    } catch (error) {
      last = messageOf(error);
    }
    if (performance.now() > until || givenUp())
      throw new CalicoError('TIMEOUT', `${why()}${last === '' ? '' : ` (${last})`}`);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
