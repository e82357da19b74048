/** What changes between two networks, what each change means, and the order in which it is safe. */
import { cidrsOverlap, tryParseCidr } from '../../ip/index.ts';
import type { ResourceStep } from '../cluster-plan.ts';
import { planSessions } from '../derive/sessions.ts';
import { keptFields, keyOf, neededStep } from './needed-steps.ts';
import { pairsLost } from './proof.ts';
import type { NetworkState } from './state.ts';

/** How much a change costs on a live cluster. */
export type Risk = 'in place' | 'brief interruption' | 'needs migration' | 'impossible';

/** One change. */
export interface Change {
  readonly area: 'hosts' | 'pools' | 'sessions' | 'routing' | 'settings' | 'agents' | 'stale';
  readonly risk: Risk;
  readonly text: string;
  /** What to do where the risk asks for it. */
  readonly advice?: string;
}

/** A state on the way, with how many ordered pairs of hosts have no route then. */
export interface Stage {
  readonly text: string;
  readonly pairsLost: number;
}

/** The difference. */
export interface Difference {
  readonly changes: readonly Change[];
  /** Writes that are not there yet, in the safe order. */
  readonly steps: readonly ResourceStep[];
  readonly stages: readonly Stage[];
  /** Pairs that Kubespray's own order (the mesh switch first) would leave without a route meanwhile. */
  readonly kubesprayOrderLoses: number;
  readonly sessionsUp: readonly string[];
  readonly sessionsDown: readonly string[];
  /** Fields of existing objects that others wrote and that stay. */
  readonly kept: readonly string[];
}

const risks: readonly Risk[] = ['in place', 'brief interruption', 'needs migration', 'impossible'];

/** The worst risk of a difference; undefined if nothing changes. */
export function worstRisk(difference: Difference): Risk | undefined {
  const worst = Math.max(-1, ...difference.changes.map((one) => risks.indexOf(one.risk)));
  return risks[worst];
}

/** Compares `before` with `after`, which `steps` would write. */
export function diffNetworks(
  before: NetworkState,
  after: NetworkState,
  steps: readonly ResourceStep[],
): Difference {
  const changes: Change[] = [
    ...hostChanges(before, after),
    ...poolChanges(before, after),
    ...settingChanges(before, after),
  ];
  const sessionsUp = [...names(after)].filter((one) => !names(before).has(one));
  const sessionsDown = [...names(before)].filter((one) => !names(after).has(one));
  if (sessionsUp.length > 0)
    changes.push({
      area: 'sessions',
      risk: 'in place',
      text: `${sessionsUp.length} BGP sessions come up: ${some(sessionsUp)}`,
    });
  if (sessionsDown.length > 0)
    changes.push({
      area: 'sessions',
      risk: 'in place',
      text: `${sessionsDown.length} BGP sessions go down: ${some(sessionsDown)}`,
    });
  const stages = stagesOf(before, after);
  const lost = Math.max(0, ...stages.slice(1).map((one) => one.pairsLost));
  const lostBefore = stages[0]?.pairsLost ?? 0;
  if (lost > lostBefore) {
    const atEnd = (stages.at(-1)?.pairsLost ?? 0) > lostBefore;
    changes.push({
      area: 'routing',
      risk: atEnd ? 'needs migration' : 'brief interruption',
      text: `${lost} pairs of hosts have no BGP route ${atEnd ? 'afterwards' : 'meanwhile'}`,
      ...(atEnd
        ? { advice: 'Give the hosts reflectors or routers that pass the routes on, or keep the mesh.' }
        : {}),
    });
  }
  const existing = new Map(before.resources.map((one) => [keyOf(one), one]));
  changes.push(...stale(before, after));
  return {
    changes,
    steps: steps.flatMap((one) => neededStep(one, existing.get(keyOf(one.resource)))),
    stages,
    kubesprayOrderLoses: kubesprayOrder(before, after),
    sessionsUp,
    sessionsDown,
    kept: keptFields(existing, after.resources),
  };
}

const known = new WeakMap<NetworkState, ReadonlySet<string>>();

function names(state: NetworkState): ReadonlySet<string> {
  const before = known.get(state);
  if (before) return before;
  const result = new Set(state.sessions.map((one) => `${one.host}–${one.peer ?? one.peerAddress}`));
  known.set(state, result);
  return result;
}

function some(list: readonly string[]): string {
  return list.length <= 8 ? list.join(', ') : `${list.slice(0, 7).join(', ')} and ${list.length - 7} more`;
}

function hostChanges(before: NetworkState, after: NetworkState): Change[] {
  const changes: Change[] = [];
  const old = new Map(before.hosts.map((host) => [host.nodeName, host]));
  const wanted = new Map(after.hosts.map((host) => [host.nodeName, host]));
  for (const host of after.hosts) {
    const was = old.get(host.nodeName);
    if (!was) {
      const registered = before.hosts.find(
        (one) => one.address === host.address && !wanted.has(one.nodeName),
      );
      if (registered && before.origin === 'datastore')
        changes.push({
          area: 'hosts',
          risk: 'needs migration',
          text: `node name ${host.nodeName} differs from registered ${registered.nodeName} for the same IP ${host.address}`,
          advice: `Name the host ${registered.nodeName} in the inventory; otherwise calico-node ends with "already using the IPv4 address".`,
        });
      changes.push({ area: 'hosts', risk: 'in place', text: `${host.name} (${host.address}) joins` });
      continue;
    }
    if (was.address !== '' && was.address !== host.address)
      changes.push({
        area: 'hosts',
        risk: 'brief interruption',
        text: `the address of ${host.name} moves from ${was.address} to ${host.address}`,
        advice: 'Its sessions end and its pods are unreachable until calico-node has restarted.',
      });
    if (was.asNumber !== host.asNumber && after.globalAs === before.globalAs)
      changes.push({
        area: 'sessions',
        risk: 'brief interruption',
        text: `${host.name} changes from AS ${was.asNumber} to AS ${host.asNumber}: its sessions restart`,
      });
    if (was.clusterId !== host.clusterId)
      changes.push({
        area: 'routing',
        risk: 'brief interruption',
        text:
          host.clusterId === null
            ? `${host.name} stops reflecting routes`
            : was.clusterId === null
              ? `${host.name} becomes a route reflector (cluster id ${host.clusterId})`
              : `the cluster id of ${host.name} changes from ${was.clusterId} to ${host.clusterId}`,
      });
    const environment = environmentChanges(was.environment, host.environment);
    if (before.origin === 'inventory' && environment.length > 0)
      changes.push({
        area: 'agents',
        risk: 'in place',
        text: `calico-node on ${host.name} restarts with other settings: ${some(environment)}`,
      });
  }
  for (const host of before.hosts)
    if (!wanted.has(host.nodeName))
      changes.push({
        area: 'hosts',
        risk: 'needs migration',
        text: `${host.name} leaves`,
        advice: `Drain it, then remove its Node: calicoctl delete node ${host.nodeName} releases its addresses.`,
      });
  return groupAgents(changes);
}

/** The same restart on many hosts is one line. */
function groupAgents(changes: readonly Change[]): Change[] {
  const result: Change[] = [];
  const byText = new Map<string, { hosts: string[]; change: Change; at: number }>();
  for (const change of changes) {
    const match = /^calico-node on (\S+) (.*)$/.exec(change.text);
    if (change.area !== 'agents' || !match) {
      result.push(change);
      continue;
    }
    const entry = byText.get(match[2] ?? '');
    if (entry) entry.hosts.push(match[1] ?? '');
    else {
      byText.set(match[2] ?? '', { hosts: [match[1] ?? ''], change, at: result.length });
      result.push(change);
    }
  }
  for (const [rest, { hosts, change, at }] of byText)
    result[at] = { ...change, text: `calico-node on ${some(hosts)} ${rest}` };
  return result;
}

function environmentChanges(
  before: NetworkState['hosts'][number]['environment'],
  after: NetworkState['hosts'][number]['environment'],
): string[] {
  const [old, wanted] = [before, after].map((list) => new Map(list.map((one) => [one.name, one.value])));
  const changed = new Set([...(old?.keys() ?? []), ...(wanted?.keys() ?? [])]);
  return [...changed].filter((name) => old?.get(name) !== wanted?.get(name)).sort();
}

function poolChanges(before: NetworkState, after: NetworkState): Change[] {
  const changes: Change[] = [];
  for (const pool of after.pools) {
    const was = before.pools.find((one) => one.name === pool.name);
    if (!was) {
      const mine = tryParseCidr(pool.cidr);
      const overlap = before.pools.find((one) => {
        const cidr = tryParseCidr(one.cidr);
        return cidr && mine && cidrsOverlap(cidr, mine);
      });
      changes.push(
        overlap
          ? {
              area: 'pools',
              risk: 'impossible',
              text: `the pool ${pool.name} ${pool.cidr} overlaps the existing pool ${overlap.name} ${overlap.cidr}`,
              advice: `Keep calico_pool_name: ${overlap.name}, or choose another range.`,
            }
          : { area: 'pools', risk: 'in place', text: `the pool ${pool.name} ${pool.cidr} is added` },
      );
      continue;
    }
    if (was.cidr !== pool.cidr)
      changes.push({
        area: 'pools',
        risk: 'impossible',
        text: `the range of pool ${pool.name} differs: ${was.cidr} is in use, ${pool.cidr} is wanted; a pool's range cannot change`,
        advice:
          'Add a pool instead: give the new range another calico_pool_name, disable the old pool, recreate the pods, delete the old pool.',
      });
    if (was.blockSize !== pool.blockSize)
      changes.push({
        area: 'pools',
        risk: 'impossible',
        text: `live pool blockSize ${was.blockSize}, inventory ${pool.blockSize}: keeping ${was.blockSize} (cannot change)`,
        advice: `Set calico_pool_blocksize: ${was.blockSize}.`,
      });
    if (was.ipipMode !== pool.ipipMode || was.vxlanMode !== pool.vxlanMode) {
      const [from, to] = [describeMode(was), describeMode(pool)];
      changes.push({
        area: 'pools',
        risk: 'brief interruption',
        text: `encapsulation of pool ${pool.name} changes from ${from} to ${to}`,
        advice:
          'Hosts switch one after the other: packets between a switched and an unswitched host are lost until both have. Kubespray itself leaves an existing pool unchanged without a word. To keep it, pin calico_ipip_mode and calico_vxlan_mode: their defaults differ between releases.',
      });
    }
    if (was.natOutgoing !== pool.natOutgoing)
      changes.push({
        area: 'pools',
        risk: 'in place',
        text: `outgoing NAT of pool ${pool.name} is switched ${pool.natOutgoing ? 'on' : 'off'}`,
      });
  }
  for (const pool of before.pools)
    if (!after.pools.some((one) => one.name === pool.name))
      changes.push({
        area: 'pools',
        risk: 'in place',
        text: `the pool ${pool.name} ${pool.cidr} is not in the inventory and stays as it is`,
      });
  return changes;
}

function describeMode(pool: NetworkState['pools'][number]): string {
  if (pool.ipipMode !== 'Never') return `IP in IP ${pool.ipipMode}`;
  return pool.vxlanMode === 'Never' ? 'none' : `VXLAN ${pool.vxlanMode}`;
}

function settingChanges(before: NetworkState, after: NetworkState): Change[] {
  const changes: Change[] = [];
  if (before.globalAs !== after.globalAs)
    changes.push({
      area: 'sessions',
      risk: 'brief interruption',
      text: `the global AS number changes from ${before.globalAs} to ${after.globalAs}: every session of nodes without their own restarts`,
      advice: 'Graceful restart keeps the routes for 120 s; change border routers at the same time.',
    });
  if (before.mesh !== after.mesh && after.backend === 'bird')
    changes.push({
      area: 'routing',
      risk: 'in place',
      text: `the node-to-node mesh is switched ${after.mesh ? 'on' : 'off'}`,
    });
  if (before.origin === 'inventory') {
    if (before.backend !== after.backend)
      changes.push({
        area: 'settings',
        risk: 'brief interruption',
        text: `the backend changes from ${before.backend} to ${after.backend}`,
      });
    if (before.datastore !== after.datastore)
      changes.push({
        area: 'settings',
        risk: 'needs migration',
        text: `the datastore changes from ${before.datastore} to ${after.datastore}`,
        advice: 'Move the resources with calicoctl datastore migrate before.',
      });
  }
  return changes;
}

/** Peers that the inventory no longer has: Kubespray leaves them, we name them. */
function stale(before: NetworkState, after: NetworkState): Change[] {
  const wanted = new Set(after.peers.map((one) => one.metadata.name));
  return before.peers
    .filter((one) => !wanted.has(one.metadata.name))
    .map(({ metadata: { name } }) => ({
      area: 'stale',
      risk: 'in place',
      text: `the BGPPeer ${name} is no longer in the inventory`,
      advice: `Kubespray would leave it for ever; delete it last: calicoctl delete bgppeer ${name}.`,
    }));
}

/** States on the way in the safe order, each proved. */
function stagesOf(before: NetworkState, after: NetworkState): Stage[] {
  const stages: Stage[] = [{ text: 'now', pairsLost: pairsLost(before) }];
  const joined = combine(before, after, before.mesh);
  if (names(before).size !== names(after).size || [...names(before)].some((one) => !names(after).has(one)))
    stages.push({ text: 'with reflectors and new peers beside the old ones', pairsLost: pairsLost(joined) });
  stages.push({ text: 'at the end', pairsLost: pairsLost(after) });
  return stages;
}

/** Kubespray writes the BGPConfiguration before anything that replaces the mesh. */
function kubesprayOrder(before: NetworkState, after: NetworkState): number {
  if (!before.mesh || after.mesh || after.backend !== 'bird') return 0;
  const state = {
    ...after,
    hosts: before.hosts,
    peers: before.peers,
    sessions: planSessions({ backend: 'bird', mesh: false }, before.hosts, before.peers).sessions,
  };
  return pairsLost(state);
}

/** Hosts and peers of both, with one mesh setting. */
function combine(before: NetworkState, after: NetworkState, mesh: boolean): NetworkState {
  const peers = new Map([...before.peers, ...after.peers].map((one) => [one.metadata.name, one]));
  const hosts = after.hosts.filter((host) => host.runsNode);
  // A reflector leaves the mesh as soon as it has its cluster id; its clients already peer with it then.
  const { sessions } = planSessions({ backend: after.backend, mesh }, hosts, [...peers.values()]);
  return { ...after, hosts, peers: [...peers.values()], sessions, mesh };
}
