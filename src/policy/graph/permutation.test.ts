/** The program depends on the resources that are there, never on how they came. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { SyncUpdate } from '../../datastore/syncer.types.ts';
import type { Resource } from '../../resources/resource.ts';
import type { ProgramKind, ProgramUpdate } from '../program.ts';
import { PolicyGraph } from './policy-graph.ts';

const kinds: readonly ProgramKind[] = [
  'policy',
  'profile',
  'ip-set',
  'workload',
  'host-endpoint',
  'route',
  'vtep',
  'host',
  'pool',
  'config',
  'service-cidrs',
  'ready',
];

/** A resource by kind and name; its content changes with `variant`. */
interface Piece {
  readonly kind: string;
  readonly name: string;
  readonly variant: number;
}

const selectors = [
  "app == 'a'",
  "app in {'a', 'b'}",
  'has(role)',
  'all()',
  "!has(role) && app != 'b'",
  "pcns.team == 'x'",
];
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;

/** Every kind that the graph calculates with, in a few versions of each. */
function resourceOf({ kind, name, variant: v }: Piece): Resource {
  const number = Number(name.slice(1));
  const namespace = pick(['ns1', 'ns2'], number);
  const labels = pick([{ app: 'a' }, { app: 'b', role: 'r' }, {}, { app: 'a', role: 'q' }], v);
  const rule = (n: number) => ({
    action: pick(['Allow', 'Deny', 'Pass', 'Log'], n),
    protocol: 'TCP',
    source: { selector: pick(selectors, n + 1) },
    destination: n % 2 === 0 ? { ports: ['http'] } : { notSelector: pick(selectors, n), ports: [80] },
  });
  const make = (spec: object, metadata: object = {}): Resource => ({
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name, ...metadata },
    spec: { ...spec },
  });
  const policy = {
    selector: pick(selectors, v),
    ...(v % 3 === 0 ? {} : { order: v % 4 }),
    types: pick([['Ingress'], ['Egress'], ['Ingress', 'Egress']], v),
    ingress: [rule(v), rule(v + 1)],
    egress: [rule(v + 2)],
    ...(v % 5 === 0 ? { tier: 't1' } : {}),
  };
  switch (kind) {
    case 'GlobalNetworkPolicy':
      return make({ ...policy, applyOnForward: v % 2 === 0, ...(v % 7 === 6 ? { doNotTrack: true } : {}) });
    case 'NetworkPolicy':
      return make(policy, { namespace });
    case 'Tier':
      return make({ order: v, defaultAction: pick(['Deny', 'Pass'], v) });
    case 'Profile':
      return make({ ingress: [rule(v)], egress: [], labelsToApply: { 'pcns.team': pick(['x', 'y'], v) } });
    case 'WorkloadEndpoint':
      return make(
        {
          node: pick(['here', 'there', 'here'], v),
          orchestrator: 'k8s',
          pod: name,
          endpoint: 'eth0',
          interfaceName: `cali${number % 3}`,
          ipNetworks: [`10.0.0.${(number * 4 + v) % 16}/32`],
          profiles: pick([['T0'], ['T1', 'T0'], ['T9']], v),
          ports: [{ name: 'http', protocol: 'TCP', port: 8000 + (v % 2) }],
        },
        { namespace, labels },
      );
    case 'HostEndpoint':
      return make({ node: 'here', interfaceName: pick(['eth0', '*'], v), profiles: ['T0'] }, { labels });
    case 'GlobalNetworkSet':
      return make({ nets: ['10.0.0.4/32', `192.0.2.${v % 4}/31`, '10.0.0.0/8'] }, { labels });
    case 'IPPool':
      return make({
        cidr: '10.0.0.0/16',
        natOutgoing: v % 2 === 0,
        ipipMode: pick(['Never', 'CrossSubnet'], v),
      });
    default:
      return make({
        bgp: { ipv4Address: `192.0.2.${number + 1}/24` },
        ...(v % 2 === 0 ? { ipv4VXLANTunnelAddr: '10.0.0.200' } : {}),
      });
  }
}

const names: Readonly<Record<string, readonly string[]>> = {
  GlobalNetworkPolicy: ['g0', 'g1', 'g2'],
  NetworkPolicy: ['n0', 'n1'],
  Tier: ['t1', 'default'].map((_, i) => (i === 0 ? 't1' : 't2')),
  Profile: ['T0', 'T1'],
  WorkloadEndpoint: ['w0', 'w1', 'w2', 'w3'],
  HostEndpoint: ['h0', 'h1'],
  GlobalNetworkSet: ['s0', 's1'],
  IPPool: ['p0'],
  Node: ['here', 'there'],
};

const anyPiece: fc.Arbitrary<Piece> = fc
  .constantFrom(...Object.keys(names))
  .chain((kind) =>
    fc.record({ kind: fc.constant(kind), name: fc.constantFrom(...names[kind]!), variant: fc.nat(13) }),
  );

function keyOf(resource: Resource) {
  const { name, namespace } = resource.metadata;
  return {
    type: 'resource' as const,
    kind: resource.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function putOf(piece: Piece): SyncUpdate {
  const value = resourceOf(piece);
  return { type: 'put', kv: { key: keyOf(value), value, revision: '1' } };
}

function deleteOf(piece: Piece): SyncUpdate {
  return { type: 'delete', key: keyOf(resourceOf(piece)) };
}

function fresh(): PolicyGraph {
  const graph = new PolicyGraph({ hostname: 'here' });
  graph.onStatus('in-sync');
  return graph;
}

/** The program as text that compares: entries sorted by key, sets as sorted members. */
function snapshot(entriesOf: (kind: ProgramKind) => ReadonlyMap<string, unknown>): string {
  const shown = kinds.map((kind) => [kind, [...entriesOf(kind)].sort(([a], [b]) => (a < b ? -1 : 1))]);
  return JSON.stringify(shown, (_, value) => (value instanceof Set ? [...value].sort() : value), 1);
}

/** What a receiver of the updates holds. */
class Receiver {
  readonly #tables = new Map<ProgramKind, Map<string, unknown>>(kinds.map((kind) => [kind, new Map()]));

  take(updates: readonly ProgramUpdate[]): void {
    for (const update of updates) {
      if (update.op === 'members') {
        const set = this.#tables.get('ip-set')!.get(update.id) as { members: Set<string> };
        for (const member of update.removed) {
          if (!set.members.delete(member)) throw new Error(`${member} was not in ${update.id}`);
        }
        for (const member of update.added) set.members.add(member);
      } else if (update.op === 'delete') {
        if (!this.#tables.get(update.kind)!.delete(update.key))
          throw new Error(`${update.kind} ${update.key} was not there`);
      } else {
        const copy =
          update.kind === 'ip-set'
            ? { ...update.value, members: new Set(update.value.members) }
            : update.value;
        this.#tables.get(update.kind)!.set(update.key, copy);
      }
    }
  }

  entries(kind: ProgramKind): ReadonlyMap<string, unknown> {
    return this.#tables.get(kind)!;
  }
}

describe('the program', () => {
  test('is the same whatever the history, and its deltas add up to it', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: anyPiece.map((piece) => ({ put: true, piece })) },
      { weight: 2, arbitrary: anyPiece.map((piece) => ({ put: false, piece })) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.nat(4), (steps, batch) => {
        const graph = fresh();
        const receiver = new Receiver();
        const held = new Map<string, Piece>();
        steps.forEach(({ put, piece }, i) => {
          const id = JSON.stringify(keyOf(resourceOf(piece)));
          // The syncer tells of a deletion only where it told of a value.
          if (put) {
            held.set(id, piece);
            graph.onUpdates([putOf(piece)]);
          } else if (held.delete(id)) graph.onUpdates([deleteOf(piece)]);
          if (i % (batch + 1) === 0) receiver.take(graph.flush());
        });
        receiver.take(graph.flush());

        const scratch = fresh();
        const pieces = [...held.values()];
        scratch.onUpdates(pieces.map(putOf));
        scratch.flush();
        const reversed = fresh();
        reversed.flush();
        for (const piece of pieces.reverse()) {
          reversed.onUpdates([putOf(piece)]);
          reversed.flush();
        }
        const expected = snapshot((kind) => scratch.entries(kind));
        expect(snapshot((kind) => graph.entries(kind))).toBe(expected);
        expect(snapshot((kind) => reversed.entries(kind))).toBe(expected);
        expect(snapshot((kind) => receiver.entries(kind))).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });
});
