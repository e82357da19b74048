/** Does every host learn every block, and what is lost when one speaker fails? */
import type { Loss, Reachability, ReachabilityModel, Speaker } from './model.ts';
import { linksOf, reached } from './propagate.ts';
import { representatives, type TwinClass, twinClasses } from './twins.ts';

/**
 * Proves that every speaker that needs routes learns those of all others that originate, or says who lacks what. Time
 * is linear in the sessions for meshes, reflectors and sites of like hosts, whatever their size.
 */
export function proveReachability(model: ReachabilityModel): Reachability {
  const reduced = reduce(model);
  return { losses: lossesOf(reduced, undefined) };
}

/**
 * The same for every single failure of a speaker that may pass on what others announce: reflectors, routers, and hosts
 * between two AS. One of each class of like speakers stands for all. What a failed host itself announces is not counted.
 */
export function proveFailures(model: ReachabilityModel): readonly Reachability[] {
  const reduced = reduce(model);
  const between = speakersBetween(reduced.model);
  return reduced.classes
    .filter(({ members }) => between.has(members[0]!.name))
    .map(({ members }) => {
      const failed = members[Math.min(members.length, representatives) - 1]!;
      return { failure: { kind: 'speaker', name: failed.name }, losses: lossesOf(reduced, failed) };
    });
}

interface Reduced {
  readonly model: ReachabilityModel;
  readonly classes: readonly TwinClass[];
}

/** The model with a few members of each class. */
function reduce(model: ReachabilityModel): Reduced {
  const classes = twinClasses(model);
  const kept = new Set(classes.flatMap(({ members }) => members.slice(0, representatives).map(nameOf)));
  return {
    classes,
    model: {
      speakers: model.speakers.filter(({ name }) => kept.has(name)),
      sessions: model.sessions.filter(({ a, b }) => kept.has(a) && kept.has(b)),
    },
  };
}

function nameOf({ name }: Speaker): string {
  return name;
}

/** Speakers that can pass on routes of others: all but hosts whose every session is plain iBGP. */
function speakersBetween(model: ReachabilityModel): ReadonlySet<string> {
  const names = new Set(
    model.speakers.filter(({ kind, clusterId }) => kind === 'router' || clusterId !== undefined).map(nameOf),
  );
  for (const { a, b, aAS, bAS } of model.sessions) if (aAS !== bAS) names.add(a).add(b);
  return names;
}

function lossesOf({ model, classes }: Reduced, failed: Speaker | undefined): readonly Loss[] {
  const links = linksOf(model, model.sessions, failed?.name);
  const alive = classes
    .map(({ members }) => members.filter((one) => one !== failed))
    .filter((members) => members.length > 0);
  const origins = alive.filter(([first]) => first!.originates);
  const reach = new Map<string, ReadonlySet<string>>();
  const learns = (receiver: Speaker, origin: Speaker) => {
    let set = reach.get(origin.name);
    if (!set) {
      set = reached(links, origin.name);
      reach.set(origin.name, set);
    }
    return set.has(receiver.name);
  };
  const losses: Loss[] = [];
  for (const receivers of alive) {
    const receiver = receivers[0]!;
    if (!receiver.needs) continue;
    let missing = 0;
    const examples: string[] = [];
    for (const senders of origins) {
      // Within its own class a receiver looks at another member, for itself it has its own routes.
      const others = senders === receivers ? senders.slice(1) : senders;
      const [origin] = others;
      if (!origin || learns(receiver, origin)) continue;
      missing += others.length;
      examples.push(...senders.slice(0, 4).map(nameOf));
    }
    if (missing === 0) continue;
    for (const one of receivers) {
      losses.push({
        receiver: one.name,
        missing,
        examples: examples.filter((name) => name !== one.name).slice(0, 3),
      });
    }
  }
  return losses.sort((a, b) => (a.receiver < b.receiver ? -1 : 1));
}
