/** From a node's sessions and the state of its cluster to BIRD's configuration. Pure; equal input gives an equal value. */
import { createHash } from 'node:crypto';
import { compareCidrs, formatAddress, type IpVersion, parseCidr, tryParseAddress } from '../../ip/index.ts';
import { type AdvertiseOptions, isOfVersion, type ServiceRoutes, serviceRoutes } from '../model/advertise.ts';
import {
  addressOf,
  type BgpPool,
  type BgpState,
  families,
  listenPortOf,
  type Problem,
  type SecretRef,
} from '../model/state.ts';
import type { NodePeering } from '../peering/peering.ts';
import { describeReason, type Session } from '../peering/session.ts';
import type {
  BgpProtocol,
  BirdConfig,
  BirdFilter,
  BirdFunction,
  Condition,
  FamilyConfig,
  Statement,
  StaticRoute,
} from './ast.ts';
import { filterFunction, filterFunctionName, localPrefOfPriority } from './filters.ts';

/** What the datastore does not know. */
export interface BirdOptions extends AdvertiseOptions {
  /** CALICO_ROUTER_ID: an address or `hash`; absent: the node's IPv4 address. */
  readonly routerId: string | undefined;
  /** Prefixes of workload interfaces' names. */
  readonly workloadInterfaces: readonly string[];
  /** The password, or `undefined` when the Secret cannot be read. */
  readonly password: (ref: SecretRef) => string | undefined;
}

/** Configuration with what had to be left out of it. */
export interface CompiledBird {
  readonly config: BirdConfig;
  readonly problems: readonly Problem[];
}

/** Longest key of TCP-MD5 in bytes. */
const longestPassword = 80;

/** Compiles the configuration of a node that exists in `state`. */
export function compileBird(state: BgpState, peering: NodePeering, options: BirdOptions): CompiledBird {
  const compiler = new Compiler(state, peering, options);
  return { config: compiler.config(), problems: compiler.problems };
}

/** Router id of a node: what is set, its IPv4 address, else the hash of its name, as an IPv6-only node has no other. */
export function routerIdOf(state: BgpState, name: string, setting: string | undefined): string {
  const address = setting === undefined ? undefined : tryParseAddress(setting);
  if (address?.version === 4 && address.value > 0n) return formatAddress(address);
  const ipv4 = state.nodes.get(name)?.ipv4;
  if (setting !== 'hash' && ipv4) return ipv4.ip;
  const [first, ...rest] = createHash('sha256').update(name).digest().subarray(0, 4);
  return [first! > 223 ? first! - 32 : first!, ...rest].join('.');
}

class Compiler {
  readonly problems: Problem[] = [];
  readonly #state: BgpState;
  readonly #peering: NodePeering;
  readonly #options: BirdOptions;
  readonly #functions = new Map<string, BirdFunction>();
  readonly #services: ServiceRoutes;

  constructor(state: BgpState, peering: NodePeering, options: BirdOptions) {
    this.#state = state;
    this.#peering = peering;
    this.#options = options;
    this.#services = serviceRoutes(state, peering.node, options);
  }

  config(): BirdConfig {
    const { configuration, nodes, nodeConfigurations } = this.#state;
    const name = this.#peering.node;
    const { routerId } = this.#options;
    if (routerId && routerId !== 'hash' && routerIdOf(this.#state, name, routerId) !== routerId) {
      this.problems.push({
        object: 'CALICO_ROUTER_ID',
        message: `${JSON.stringify(routerId)} is neither an IPv4 address nor "hash" and is not used`,
      });
    }
    const perNode = nodeConfigurations.get(name)?.debug;
    const family = families.map((version) => this.#family(version));
    const protocols = this.#peering.sessions.flatMap((session) => this.#protocol(session));
    return {
      routerId: routerIdOf(this.#state, name, this.#options.routerId),
      functions: [...this.#functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      families: family,
      directInterfaces: [
        ...configuration.ignoredInterfaces.map((one) => `-${one}`),
        ...this.#options.workloadInterfaces.map((prefix) => `-${prefix}*`),
        '-kube-ipvs*',
        '*',
      ],
      template: {
        debug: perNode === undefined ? configuration.debug : perNode === 'none' ? undefined : perNode,
        localAS: nodes.get(name)?.asNumber ?? configuration.asNumber,
        listenPort: listenPortOf(this.#state, name),
        strictBind: configuration.bindNodeIP,
      },
      protocols,
    };
  }

  #family(version: IpVersion): FamilyConfig {
    const statics = new Map<string, StaticRoute>();
    const blocks = this.#blocks(version);
    for (const { cidr } of blocks) statics.set(cidr, { cidr });
    for (const cidr of this.#services.announce) if (isOfVersion(cidr, version)) statics.set(cidr, { cidr });
    for (const session of this.#peering.sessions) {
      if (session.version !== version || session.reachableBy === undefined) continue;
      const cidr = `${session.peerIP}/${version === 4 ? 32 : 128}`;
      statics.set(cidr, { cidr, via: session.reachableBy });
    }
    const functions = [this.#export(version, blocks), this.#own(version)];
    for (const one of functions) this.#functions.set(one.name, one);
    return {
      version,
      statics: [...statics.values()].sort((a, b) => compareCidrs(parseCidr(a.cidr), parseCidr(b.cidr))),
      learn: this.#learn(version),
      program: this.#program(version),
    };
  }

  /** Blocks of this node that have a route; single addresses have none, they are announced as borrowed ones. */
  #blocks(version: IpVersion): readonly { cidr: string; confirmed: boolean }[] {
    return [...(this.#state.blocks.get(this.#peering.node) ?? [])]
      .filter(([cidr]) => isOfVersion(cidr, version) && parseCidr(cidr).prefix !== (version === 4 ? 32 : 128))
      .map(([cidr, state]) => ({ cidr, confirmed: state === 'confirmed' }))
      .sort((a, b) => compareCidrs(parseCidr(a.cidr), parseCidr(b.cidr)));
  }

  #pools(version: IpVersion): readonly BgpPool[] {
    return [...this.#state.pools.values()]
      .filter(({ cidr }) => isOfVersion(cidr, version))
      .sort((a, b) => compareCidrs(parseCidr(a.cidr), parseCidr(b.cidr)) || (a.name < b.name ? -1 : 1));
  }

  /** Local preference by which what nodes send themselves is worth the same in clusters shared with upstream's nodes. */
  #own(version: IpVersion): BirdFunction {
    const { ipv4, ipv6 } = this.#state.configuration.routePriority;
    return {
      name: `calico_own${version}`,
      takesSameAs: false,
      body: [
        {
          kind: 'if',
          all: [{ kind: 'not', condition: { kind: 'source', is: 'bgp' } }],
          body: [{ kind: 'set-local-pref', value: localPrefOfPriority(version === 4 ? ipv4 : ipv6) }],
        },
      ],
    };
  }

  #export(
    version: IpVersion,
    blocks: readonly { readonly cidr: string; readonly confirmed: boolean }[],
  ): BirdFunction {
    const { configuration, nodeConfigurations, nodes } = this.#state;
    const pools = this.#pools(version);
    const own = nodeConfigurations
      .get(this.#peering.node)
      ?.advertisements?.filter(({ cidr }) => isOfVersion(cidr, version));
    const advertisements = own?.length ? own : configuration.advertisements;
    const reflected = nodes.get(this.#peering.node)?.clusterId === undefined ? [] : this.#services.reflect;
    const body: Statement[] = [
      ...pools.filter((pool) => !pool.exported).map(({ cidr }) => when([inside(cidr)], { kind: 'reject' })),
      ...advertisements
        .filter(({ cidr, communities }) => isOfVersion(cidr, version) && communities.length > 0)
        .map(
          ({ cidr, communities }): Statement => ({
            kind: 'if',
            all: [inside(cidr)],
            body: communities.map((community) => ({ kind: 'add-community', community })),
          }),
        ),
      ...blocks
        .filter(({ confirmed }) => confirmed)
        .flatMap(({ cidr }) => [
          when([{ kind: 'net', operator: '=', cidr }], { kind: 'accept' }),
          when([inside(cidr)], { kind: 'reject' }),
        ]),
      ...[...this.#services.announce, ...reflected]
        .filter((cidr) => isOfVersion(cidr, version))
        .map((cidr) => when([inside(cidr)], { kind: 'accept' })),
      ...pools.filter((pool) => pool.exported).map(({ cidr }) => when([inside(cidr)], { kind: 'accept' })),
    ];
    return { name: `calico_export${version}`, takesSameAs: false, body };
  }

  /** Inside pools only routes of workloads are learned: what the agent programmed for others is not ours to announce. */
  #learn(version: IpVersion): BirdFilter {
    const cidrs = this.#pools(version).map(({ cidr }) => cidr);
    const notWorkload = this.#options.workloadInterfaces.map(
      (prefix): Condition => ({ kind: 'not', condition: { kind: 'interface', pattern: `${prefix}*` } }),
    );
    return {
      name: `calico_learn${version}`,
      body: [
        ...(cidrs.length > 0
          ? [when([{ kind: 'net-in', cidrs: [...new Set(cidrs)] }, ...notWorkload], { kind: 'reject' })]
          : []),
        when([{ kind: 'interface', pattern: 'bpf*.cali' }], { kind: 'reject' }),
        { kind: 'accept' },
      ],
    };
  }

  #program(version: IpVersion): BirdFilter {
    const services = new Set([...this.#services.reject, ...this.#services.announce]);
    const byAgent = this.#pools(version).filter(
      (pool) => pool.encapsulation !== 'none' || !this.#state.configuration.programClusterRoutes,
    );
    return {
      name: `calico_kernel${version}`,
      body: [
        when([{ kind: 'source', is: 'connected' }], { kind: 'reject' }),
        when([{ kind: 'source', is: 'bgp' }, { kind: 'unreachable' }], { kind: 'reject' }),
        ...[...services]
          .filter((cidr) => isOfVersion(cidr, version))
          .map((cidr) => when([inside(cidr)], { kind: 'reject' })),
        // Of a VXLAN pool the agent programs the blocks of this node as well.
        ...byAgent.map(({ cidr, encapsulation }) =>
          when(encapsulation === 'vxlan' ? [inside(cidr)] : [inside(cidr), { kind: 'source', is: 'bgp' }], {
            kind: 'reject',
          }),
        ),
        { kind: 'accept' },
      ],
    };
  }

  #protocol(session: Session): readonly BgpProtocol[] {
    const { version } = session;
    const own = addressOf(this.#state.nodes.get(this.#peering.node)!, version)!.ip;
    const { bindNodeIP } = this.#state.configuration;
    const templateAS =
      this.#state.nodes.get(this.#peering.node)?.asNumber ?? this.#state.configuration.asNumber;
    // A specific and a wildcard socket on one port collide, so a bound daemon has a source address everywhere.
    const sourceAddress = session.sourceAddress ?? (bindNodeIP ? own : undefined);
    const password = this.#password(session);
    if (password === null) return [];
    const call = (name: string): Statement => ({ kind: 'call', name });
    return [
      {
        name: session.name,
        version,
        neighbor: session.peerIP,
        port: session.port,
        peerAS: session.peerAS,
        passive: session.passive,
        nextHop: session.nextHop,
        ...(session.localAS !== templateAS && { localAS: session.localAS }),
        ...(sourceAddress !== undefined && { sourceAddress }),
        ...(session.ttlSecurity !== undefined && { hops: session.ttlSecurity }),
        ...(password !== undefined && { password }),
        ...(session.rrClusterID !== undefined && { rrClusterID: session.rrClusterID }),
        ...(session.restartTime !== undefined && { restartTime: session.restartTime }),
        ...(session.keepaliveTime !== undefined && { keepaliveTime: session.keepaliveTime }),
        ...(session.allowLocalAS !== undefined && { allowLocalAS: session.allowLocalAS }),
        import: [...this.#filterCalls(session, 'import'), { kind: 'accept' }],
        export: [
          call(`calico_own${version}`),
          ...this.#filterCalls(session, 'export'),
          call(`calico_export${version}`),
          { kind: 'reject' },
        ],
      },
    ];
  }

  #filterCalls(session: Session, direction: 'import' | 'export'): readonly Statement[] {
    return session.filters.flatMap((name): readonly Statement[] => {
      const filter = this.#state.filters.get(name);
      const functionName = filterFunctionName(name, direction, session.version);
      const existing = this.#functions.get(functionName);
      const made = existing ?? (filter && filterFunction(filter, direction, session.version));
      if (!made) return [];
      this.#functions.set(functionName, made);
      return [
        {
          kind: 'call',
          name: functionName,
          ...(made.takesSameAs && { sameAs: session.type === 'iBGP' }),
        },
      ];
    });
  }

  /** `null`: the password cannot be used, so the session is left out rather than set up without one. */
  #password(session: Session): string | undefined | null {
    if (!session.password) return undefined;
    const { name, key } = session.password;
    const object =
      session.reason.kind === 'mesh' ? 'BGPConfiguration default' : `BGPPeer ${session.reason.peer}`;
    const password = this.#options.password(session.password);
    if (password === undefined) {
      this.problems.push({
        object,
        message: `key ${key} of Secret ${name} cannot be read: ${session.name} has no password`,
      });
      return undefined;
    }
    const reason = passwordProblem(password);
    if (reason === undefined) return password;
    this.problems.push({
      object,
      message: `key ${key} of Secret ${name} ${reason}: ${session.name} (${describeReason(session.reason)}) is left out`,
    });
    return null;
  }
}

function passwordProblem(password: string): string | undefined {
  if (/["\n\r\0]/.test(password)) return 'holds a double quote or a line end, which BIRD cannot read';
  if (Buffer.byteLength(password) > longestPassword) return `is longer than ${longestPassword} bytes`;
  return undefined;
}

function inside(cidr: string): Condition {
  return { kind: 'net', operator: '~', cidr };
}

function when(all: readonly Condition[], body: Statement): Statement {
  return { kind: 'if', all, body: [body] };
}
