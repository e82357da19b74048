/** One family's part of a configuration: static routes, and what passes between kernel, BIRD and peers. */
import { compareCidrs, type IpVersion, parseCidr } from '../../ip/index.ts';
import { isOfVersion, type ServiceRoutes } from '../model/advertise.ts';
import type { BgpPool, BgpState } from '../model/state.ts';
import type { Session } from '../peering/session.ts';
import type { BirdFilter, BirdFunction, Condition, FamilyConfig, Statement, StaticRoute } from './ast.ts';
import { localPrefOfPriority } from './filters.ts';

/** What a family's part depends on beside the state. */
export interface FamilyInput {
  readonly node: string;
  readonly sessions: readonly Session[];
  readonly services: ServiceRoutes;
  readonly workloadInterfaces: readonly string[];
}

/** Compiles the part, and the functions `calico_export<version>` and `calico_own<version>` that sessions call. */
export function compileFamily(
  state: BgpState,
  version: IpVersion,
  input: FamilyInput,
): { readonly config: FamilyConfig; readonly functions: readonly BirdFunction[] } {
  return new FamilyCompiler(state, input).compile(version);
}

class FamilyCompiler {
  readonly #state: BgpState;
  readonly #input: FamilyInput;

  constructor(state: BgpState, input: FamilyInput) {
    this.#state = state;
    this.#input = input;
  }

  compile(version: IpVersion) {
    const statics = new Map<string, StaticRoute>();
    const blocks = this.#blocks(version);
    for (const { cidr } of blocks) statics.set(cidr, { cidr });
    for (const cidr of this.#input.services.announce)
      if (isOfVersion(cidr, version)) statics.set(cidr, { cidr });
    for (const session of this.#input.sessions) {
      if (session.version !== version || session.reachableBy === undefined) continue;
      const cidr = `${session.peerIP}/${version === 4 ? 32 : 128}`;
      statics.set(cidr, { cidr, via: session.reachableBy });
    }
    const config: FamilyConfig = {
      version,
      statics: [...statics.values()].sort((a, b) => compareCidrs(parseCidr(a.cidr), parseCidr(b.cidr))),
      learn: this.#learn(version),
      program: this.#program(version),
    };
    return { config, functions: [this.#export(version, blocks), this.#own(version)] };
  }

  /** Blocks of this node that have a route; single addresses have none, they are announced as borrowed ones. */
  #blocks(version: IpVersion): readonly { cidr: string; confirmed: boolean }[] {
    return [...(this.#state.blocks.get(this.#input.node) ?? [])]
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
      .get(this.#input.node)
      ?.advertisements?.filter(({ cidr }) => isOfVersion(cidr, version));
    const advertisements = own?.length ? own : configuration.advertisements;
    const reflected =
      nodes.get(this.#input.node)?.clusterId === undefined ? [] : this.#input.services.reflect;
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
      ...[...this.#input.services.announce, ...reflected]
        .filter((cidr) => isOfVersion(cidr, version))
        .map((cidr) => when([inside(cidr)], { kind: 'accept' })),
      ...pools.filter((pool) => pool.exported).map(({ cidr }) => when([inside(cidr)], { kind: 'accept' })),
    ];
    return { name: `calico_export${version}`, takesSameAs: false, body };
  }

  /** Inside pools only routes of workloads are learned: what the agent programmed for others is not ours to announce. */
  #learn(version: IpVersion): BirdFilter {
    const cidrs = this.#pools(version).map(({ cidr }) => cidr);
    const notWorkload = this.#input.workloadInterfaces.map(
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
    const services = new Set([...this.#input.services.reject, ...this.#input.services.announce]);
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
}

function inside(cidr: string): Condition {
  return { kind: 'net', operator: '~', cidr };
}

function when(all: readonly Condition[], body: Statement): Statement {
  return { kind: 'if', all, body: [body] };
}
