/**
 * Speakers that no rule of BGP can tell apart. A mesh of a thousand hosts, or a thousand clients of the same reflectors,
 * are one class; the proof then looks at three of them and holds for all.
 */
import type { ModelSession, ReachabilityModel, Speaker } from './model.ts';

/** A class, by the order of its members in the model. */
export interface TwinClass {
  readonly members: readonly Speaker[];
}

/** Members that stand for a class: one to receive, one to send, one to fail. */
export const representatives = 3;

/** Sums of hashes of what surrounds a speaker; sums, because they do not depend on order and can be extended. */
interface Surroundings {
  readonly sums: [number, number];
  readonly kinds: Set<string>;
}

/** Splits the speakers into classes, in time linear in the sessions. */
export function twinClasses(model: ReachabilityModel): readonly TwinClass[] {
  const unique = uniqueAsNumbers(model);
  const number = new Map(model.speakers.map((one, index) => [one.name, index]));
  const around = new Map<string, Surroundings>();
  const at = (name: string) => {
    let value = around.get(name);
    if (!value) {
      value = { sums: [0, 0], kinds: new Set() };
      around.set(name, value);
    }
    return value;
  };
  for (const session of model.sessions) {
    for (const [self, other] of [
      [session.a, session.b],
      [session.b, session.a],
    ] as const) {
      const kind = sessionKind(session, self, unique);
      const surroundings = at(self);
      surroundings.kinds.add(kind);
      add(surroundings.sums, number.get(other) ?? -1, kind);
    }
  }
  const classes = new Map<string, Speaker[]>();
  const classOf = new Map<string, string>();
  // Twins that peer with each other have the same surroundings once each is added to its own.
  const signatures = (one: Speaker): readonly string[] => {
    const { sums, kinds } = at(one.name);
    const role = [
      one.kind,
      unique.has(one.asNumber) ? 'own' : one.asNumber,
      one.clusterId ?? '',
      one.originates,
      one.needs,
    ].join(' ');
    return [
      `${role} ${sums.join(' ')}`,
      ...[...kinds].map((kind) => {
        const closed: [number, number] = [...sums];
        add(closed, number.get(one.name)!, kind);
        return `${role} ${kind} ${closed.join(' ')}`;
      }),
    ];
  };
  const counts = new Map<string, number>();
  for (const one of model.speakers) {
    for (const signature of signatures(one)) counts.set(signature, (counts.get(signature) ?? 0) + 1);
  }
  for (const one of model.speakers) {
    const [best] = [...signatures(one)].sort((a, b) => counts.get(b)! - counts.get(a)!);
    classOf.set(one.name, best!);
    const members = classes.get(best!);
    if (members) members.push(one);
    else classes.set(best!, [one]);
  }
  return [...classes.values()].map((members) => ({ members }));
}

/** AS numbers of a single speaker: which number it is makes no difference. */
function uniqueAsNumbers(model: ReachabilityModel): ReadonlySet<number> {
  const owners = new Map<number, string | undefined>();
  const own = (asNumber: number, name: string) =>
    owners.set(asNumber, owners.has(asNumber) && owners.get(asNumber) !== name ? undefined : name);
  for (const { asNumber, name } of model.speakers) own(asNumber, name);
  for (const { a, aAS, b, bAS } of model.sessions) {
    own(aAS, a);
    own(bAS, b);
  }
  return new Set([...owners].flatMap(([asNumber, name]) => (name === undefined ? [] : [asNumber])));
}

function sessionKind(session: ModelSession, self: string, unique: ReadonlySet<number>): string {
  const isA = session.a === self;
  const [local, remote] = isA ? [session.aAS, session.bAS] : [session.bAS, session.aAS];
  const [mine, theirs] = isA
    ? [session.clientOfA, session.clientOfB]
    : [session.clientOfB, session.clientOfA];
  const [allow, allowed] = isA
    ? [session.allowLocalA, session.allowLocalB]
    : [session.allowLocalB, session.allowLocalA];
  return `${unique.has(local) ? 'own' : local}/${local === remote}/${mine}/${theirs}/${allow ?? 0}/${allowed ?? 0}`;
}

const kindHashes = new Map<string, number>();

function add(sums: [number, number], neighbour: number, kind: string): void {
  let hash = kindHashes.get(kind);
  if (hash === undefined) {
    hash = 0x811c9dc5;
    for (const char of kind) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    kindHashes.set(kind, hash);
  }
  sums[0] = (sums[0] + mix(neighbour ^ hash)) | 0;
  sums[1] = (sums[1] + mix(Math.imul(neighbour + 0x9e3779b9, 0x85ebca6b) + hash)) | 0;
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
