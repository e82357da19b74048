/** From a node's sessions and the state of its cluster to BIRD's configuration. Pure; equal input gives an equal value. */
import { createHash } from 'node:crypto';
import { formatAddress, type IpVersion, tryParseAddress } from '../../ip/index.ts';
import { type AdvertiseOptions, type ServiceRoutes, serviceRoutes } from '../model/advertise.ts';
import {
  addressOf,
  type BgpState,
  families,
  listenPortOf,
  type Problem,
  type SecretRef,
} from '../model/state.ts';
import type { NodePeering } from '../peering/peering.ts';
import type { Session } from '../peering/session.ts';
import type { BgpProtocol, BirdConfig, BirdFunction, FamilyConfig, Statement } from './ast.ts';
import { compileFamily } from './family.ts';
import { filterFunction, filterFunctionName } from './filters.ts';

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
      this.#problem(
        'CALICO_ROUTER_ID',
        `${JSON.stringify(routerId)} is neither an IPv4 address nor "hash" and is not used`,
      );
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
    const { config, functions } = compileFamily(this.#state, version, {
      node: this.#peering.node,
      sessions: this.#peering.sessions,
      services: this.#services,
      workloadInterfaces: this.#options.workloadInterfaces,
    });
    for (const one of functions) this.#functions.set(one.name, one);
    return config;
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
    const secret = `key ${key} of Secret ${name}`;
    if (password === undefined) {
      this.#problem(object, `${secret} cannot be read: its sessions have no password`);
      return undefined;
    }
    const reason = passwordProblem(password);
    if (reason === undefined) return password;
    this.#problem(object, `${secret} ${reason}: its sessions are left out`);
    return null;
  }

  /** Said once, however many sessions it concerns. */
  #problem(object: string, message: string): void {
    if (this.problems.some((one) => one.object === object && one.message === message)) return;
    this.problems.push({ object, message });
  }
}

function passwordProblem(password: string): string | undefined {
  if (/["\n\r\0]/.test(password)) return 'holds a double quote or a line end, which BIRD cannot read';
  if (Buffer.byteLength(password) > longestPassword) return `is longer than ${longestPassword} bytes`;
  return undefined;
}
