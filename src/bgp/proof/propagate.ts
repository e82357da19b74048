/**
 * Follows the blocks of one speaker through the sessions by the rules of BGP: RFC 4271 (iBGP is not passed on to iBGP,
 * an own AS number in the path is a loop), RFC 4456 (reflection), and BIRD's use of the cluster id per session.
 */
import type { ModelSession, ReachabilityModel } from './model.ts';

/** One end's view of a session. */
interface Link {
  readonly to: string;
  readonly ibgp: boolean;
  readonly localAS: number;
  readonly remoteAS: number;
  /** The far end is a client here; here is a client there. */
  readonly client: boolean;
  readonly clientThere: boolean;
  /** Times the far end accepts its own AS number. */
  readonly allowThere: number;
}

/** The sessions by speaker. */
export interface Links {
  readonly of: ReadonlyMap<string, { readonly ibgp: readonly Link[]; readonly ebgp: readonly Link[] }>;
  readonly clusterOf: ReadonlyMap<string, string>;
}

/** Indexes a model's sessions, without those of `without`. */
export function linksOf(
  model: ReachabilityModel,
  sessions: readonly ModelSession[],
  without?: string,
): Links {
  const of = new Map<string, { ibgp: Link[]; ebgp: Link[] }>();
  for (const { name } of model.speakers) if (name !== without) of.set(name, { ibgp: [], ebgp: [] });
  const add = (name: string, link: Link) => {
    const links = of.get(name);
    if (links && of.has(link.to)) (link.ibgp ? links.ibgp : links.ebgp).push(link);
  };
  for (const one of sessions) {
    const ibgp = one.aAS === one.bAS;
    add(one.a, {
      to: one.b,
      ibgp,
      localAS: one.aAS,
      remoteAS: one.bAS,
      client: one.clientOfA,
      clientThere: one.clientOfB,
      allowThere: one.allowLocalB ?? 0,
    });
    add(one.b, {
      to: one.a,
      ibgp,
      localAS: one.bAS,
      remoteAS: one.aAS,
      client: one.clientOfB,
      clientThere: one.clientOfA,
      allowThere: one.allowLocalA ?? 0,
    });
  }
  const clusterOf = new Map(
    model.speakers.flatMap(({ name, clusterId }) => (clusterId === undefined ? [] : [[name, clusterId]])),
  );
  return { of, clusterOf };
}

/** A path that arrived somewhere. `open`: it may be passed on to every peer, else to clients and eBGP peers only. */
interface Path {
  readonly open: boolean;
  readonly reflected: boolean;
  readonly asPath: readonly number[];
  readonly clusters: readonly string[];
  /** Where it was before it arrived here; undefined at its origin. */
  readonly from?: { readonly name: string; readonly path: Path };
}

/** The speakers that learn what `origin` announces, itself included. */
export function reached(links: Links, origin: string): ReadonlySet<string> {
  return new Set(spread(links, origin).keys());
}

/** The speakers that a route of `origin` passes on its way to `receiver`, both included; undefined if it never arrives. */
export function routeOf(links: Links, origin: string, receiver: string): readonly string[] | undefined {
  const first = spread(links, origin).get(receiver)?.[0];
  if (!first) return undefined;
  const names = [receiver];
  for (let step = first.from; step; step = step.path.from) names.unshift(step.name);
  return names;
}

/** Every path that arrives somewhere, shortest first. */
function spread(links: Links, origin: string): ReadonlyMap<string, readonly Path[]> {
  const known = new Map<string, Path[]>();
  const queue: [string, Path][] = [];
  const arrive = (name: string, path: Path) => {
    const paths = known.get(name);
    if (!paths) known.set(name, [path]);
    else if (paths.some((one) => isAsGood(one, path))) return;
    else paths.push(path);
    queue.push([name, path]);
  };
  arrive(origin, { open: true, reflected: false, asPath: [], clusters: [] });
  for (let index = 0; index < queue.length; index++) {
    const [name, path] = queue[index]!;
    const { ibgp, ebgp } = links.of.get(name) ?? { ibgp: [], ebgp: [] };
    const cluster = links.clusterOf.get(name);
    for (const link of ebgp) {
      const asPath = [link.localAS, ...path.asPath];
      if (!loops(asPath, link))
        arrive(link.to, { open: true, reflected: false, asPath, clusters: [], from: { name, path } });
    }
    // What came by iBGP from a non-client goes to clients only; without a cluster id there are none.
    if (!path.open && cluster === undefined) continue;
    for (const link of ibgp) {
      if ((!path.open && !link.client) || loops(path.asPath, link)) continue;
      if (link.client && cluster !== undefined && path.clusters.includes(cluster)) continue;
      const clusters = path.reflected && cluster !== undefined ? [cluster, ...path.clusters] : path.clusters;
      const there = link.clientThere ? links.clusterOf.get(link.to) : undefined;
      if (there !== undefined && clusters.includes(there)) continue;
      arrive(link.to, {
        open: link.clientThere,
        reflected: true,
        asPath: path.asPath,
        clusters,
        from: { name, path },
      });
    }
  }
  return known;
}

function loops(asPath: readonly number[], link: Link): boolean {
  let times = 0;
  for (const one of asPath) if (one === link.remoteAS) times++;
  return times > link.allowThere;
}

/** Whether whatever `b` reaches, `a` reaches as well. */
function isAsGood(a: Path, b: Path): boolean {
  return (
    (a.open || !b.open) &&
    a.clusters.every((cluster) => b.clusters.includes(cluster)) &&
    a.asPath.length <= b.asPath.length &&
    a.asPath.every((one) => b.asPath.includes(one))
  );
}
