/** Checks of border routers and of the peers that hosts have. */
import type { Finding } from '../cluster-plan.ts';
import { quotedAs } from '../derive/numbers.ts';
import { type PeerEntry, peerName, peersOf } from '../derive/peers.ts';
import type { Host } from '../inventory/index.ts';
import { isList, isMapping } from '../values/value.ts';
import { type Check, type CheckInput, finding, listHosts } from './check.ts';

/** Entries of `peers`, per host; hosts with the same value are reported together. */
export const peerEntries: Check = ({ view, plan }) => {
  const byProblem = new Map<string, { finding: Finding; hosts: Host[] }>();
  const addresses = new Map(plan.hosts.map((host) => [host.address, host.name]));
  const report = (
    host: Host,
    severity: Finding['severity'],
    code: string,
    message: string,
    cure: string,
    kubespray = false,
  ) => {
    const one = finding(severity, code, message, { cure, at: [view, host, 'peers'], kubespray });
    const key = `${code} ${message} ${one.origin ?? ''}`;
    const known = byProblem.get(key);
    if (known) known.hosts.push(host);
    else byProblem.set(key, { finding: one, hosts: [host] });
  };
  for (const host of view.cluster()) {
    if (!view.flag(host, 'peer_with_router')) continue;
    const value = view.value(host, 'peers');
    if (value === undefined) {
      report(
        host,
        'error',
        'peers-undefined',
        "'peers' is undefined",
        `peer_with_router is on but ${host.name} has no peers: define peers for it, or set peer_with_router: false.`,
        true,
      );
      continue;
    }
    if (!isList(value) || !value.every(isMapping)) {
      report(
        host,
        'error',
        'peers-shape',
        'peers is not a list of mappings',
        'Write `- {router_id: 10.0.0.1, as: 65001}` lines.',
      );
      continue;
    }
    const seen = new Map<string, PeerEntry>();
    for (const entry of peersOf(view, host) ?? []) {
      checkEntry(entry, (severity, code, message, cure, kubespray) =>
        report(host, severity, code, message, cure, kubespray),
      );
      const inside = entry.address === undefined ? undefined : addresses.get(entry.address);
      if (inside !== undefined)
        report(
          host,
          'error',
          'peer-is-node',
          `the peer ${entry.address} is the host ${inside} of this cluster`,
          'Remove it: nodes peer by the mesh or by route reflectors.',
        );
      const name = peerName(view, entry.scope, entry);
      const before = seen.get(name);
      if (before && JSON.stringify(before) !== JSON.stringify(entry))
        report(
          host,
          'error',
          'peer-twice',
          `two different peers would get the same name: ${entry.routerId} is listed twice`,
          'Keep one of them.',
        );
      seen.set(name, entry);
    }
  }
  return [...byProblem.values()].map(({ finding: one, hosts }) => ({
    ...one,
    hosts: hosts.map((host) => host.name),
  }));
};

function checkEntry(
  entry: PeerEntry,
  report: (
    severity: Finding['severity'],
    code: string,
    message: string,
    cure: string,
    kubespray?: boolean,
  ) => void,
): void {
  if (entry.routerId === '')
    report(
      'error',
      'peer-router-id',
      'a peer has no router_id',
      'Add router_id: the address of the router.',
      false,
    );
  else if (entry.address === undefined)
    report(
      'error',
      'peer-router-id',
      `router_id '${entry.routerId}' is not an address`,
      'Write the address of the router.',
    );
  if (entry.as === undefined)
    report(
      'error',
      'peer-as',
      "'dict object' has no attribute 'as'",
      `Add as: the AS number of ${entry.routerId}.`,
      true,
    );
  else if (entry.as.kind === 'invalid')
    report(
      'error',
      'peer-as',
      `invalid AS Number format (${entry.as.text})`,
      `Replace it by the AS number of ${entry.routerId}.`,
      true,
    );
  else if (entry.as.number === 0)
    report('error', 'peer-as', 'AS 0 is reserved', 'Write a number from 1 to 4294967295.');
  else if (entry.as.suspicious !== undefined)
    report(
      'error',
      'peer-as',
      `as of ${entry.routerId}: ${entry.as.suspicious}`,
      'Quote it ("1.10"), or write the plain number.',
    );
  if (entry.filters.length > 0)
    report(
      'warning',
      'peer-filters',
      `the peer ${entry.routerId} uses the BGPFilters ${entry.filters.join(', ')}: Calico refuses the peer until they exist`,
      'Create them first: calicoctl apply -f FILE.',
    );
  if (entry.scope === 'dropped')
    report(
      'error',
      'peer-scope',
      `the scope '${entry.scopeText}' of ${entry.routerId} is unknown; Kubespray drops the peer without a word`,
      'Write scope: global or scope: node.',
    );
}

/** AS numbers of nodes. */
export const localAs: Check = ({ view }) => {
  const findings: Finding[] = [];
  for (const host of view.cluster()) {
    const value = view.value(host, 'local_as');
    if (value === undefined || !view.flag(host, 'peer_with_router')) continue;
    const as = quotedAs(value);
    const more = { hosts: [host], at: [view, host, 'local_as'] as const };
    if (as.kind === 'invalid' || as.number === 0)
      findings.push(
        finding(
          'error',
          'local-as',
          `local_as: invalid AS Number format (${as.kind === 'invalid' ? as.text : 0})`,
          { ...more, cure: 'Write a number from 1 to 4294967295.', kubespray: true },
        ),
      );
    else if (as.suspicious !== undefined)
      findings.push(
        finding(
          'error',
          'local-as',
          `local_as of ${host.name}: ${as.suspicious}; it would become AS ${as.number}`,
          { ...more, cure: `Write the number, or in INI local_as="'1.10'".` },
        ),
      );
    if (view.group('reflector').length > 0)
      findings.push(
        finding(
          'warning',
          'local-as-ignored',
          `local_as of ${host.name} is ignored because the cluster has route reflectors`,
          { ...more, cure: 'Remove local_as, or the reflectors.' },
        ),
      );
  }
  return findings;
};

/** Who decides about the mesh, and hosts that end up without a session. */
export const connectivity: Check = (input) => {
  const { view, plan, settings } = input;
  const findings: Finding[] = [];
  const [first, playFirst] = [view.first(), view.playFirst()];
  for (const name of ['peer_with_router', 'peer_with_calico_rr'])
    if (first && playFirst && view.flag(first, name) !== view.flag(playFirst, name))
      findings.push(
        finding(
          'error',
          'mesh-disagreement',
          `${name} differs between hosts: ${playFirst.name} (first of the play) decides about the mesh, ${first.name} (first control-plane host) about the peers`,
          {
            cure: `Set ${name} for the whole cluster, in group_vars.`,
            hosts: [playFirst, first],
            at: [view, view.flag(playFirst, name) ? playFirst : first, name],
          },
        ),
      );
  findings.push(...hashTrap(input));
  if (settings.backend !== 'bird') return findings;
  const nodes = plan.hosts.filter((host) => host.runsNode);
  if (nodes.length < 2) return findings;
  const connected = new Set(plan.sessions.flatMap((one) => [one.host, one.peer]));
  const alone = nodes.filter((host) => !connected.has(host.name)).map((host) => host.name);
  if (alone.length > 0)
    findings.push(
      finding(
        'error',
        'no-session',
        `${listHosts(alone)}: no BGP session at all: no pod of another host can be reached`,
        {
          cure: settings.mesh
            ? 'Check the cluster ids.'
            : 'Give the hosts peers, or route reflectors, or leave the mesh on (peer_with_router: false).',
          hosts: alone,
        },
      ),
    );
  return findings;
};

/** The trap of hash_behaviour: which host lost which global peers, and whether it matters. */
function hashTrap({ view, plan }: CheckInput): readonly Finding[] {
  const findings: Finding[] = [];
  const first = view.first();
  const globalOf = (value: unknown) =>
    isList(value as never)
      ? (value as readonly unknown[]).filter(
          (one) => isMapping(one as never) && (one as ReadonlyMap<string, unknown>).get('scope') === 'global',
        ).length
      : 0;
  for (const host of view.cluster()) {
    if (!view.flag(host, 'peer_with_router')) continue;
    const layers = view.loaded.layers(host).filter((layer) => layer.variables.has('peers'));
    const winner = layers.at(-1);
    if (!winner || globalOf(winner.variables.get('peers')?.value) > 0) continue;
    const lost = layers.slice(0, -1).findLast((layer) => globalOf(layer.variables.get('peers')?.value) > 0);
    if (!lost) continue;
    const count = globalOf(lost.variables.get('peers')?.value);
    const what = `${host.name}: peers of ${winner.name} replace the list of ${lost.name}`;
    findings.push(
      host === first
        ? finding(
            'error',
            'hash-trap',
            `${what}, so the ${count} entries with scope global are lost for the whole cluster`,
            {
              cure: `Repeat the global peers in ${winner.name}: only ${host.name}'s list makes them (hash_behaviour=merge does not help: lists are never merged).`,
              hosts: [host],
              at: [view, host, 'peers'],
            },
          )
        : finding(
            'note',
            'hash-trap',
            `${what}; the global peers still exist, because the first control-plane host (${first?.name}) still resolves them`,
            {
              hosts: [host],
              at: [view, host, 'peers'],
            },
          ),
    );
  }
  const made = new Set(
    plan.resources
      .filter((one) => one.resource.metadata.name.startsWith('global-'))
      .map((one) => one.resource.spec['peerIP']),
  );
  for (const host of view.cluster()) {
    if (host === first || !view.flag(host, 'peer_with_router')) continue;
    const invisible = (peersOf(view, host) ?? []).filter(
      (one) => one.scope === 'global' && one.address !== undefined && !made.has(one.address),
    );
    if (invisible.length > 0)
      findings.push(
        finding(
          'warning',
          'global-peers-ignored',
          `${host.name}: resolves ${invisible.length} peers with scope global but is not the first control-plane host, so nobody makes them`,
          {
            cure: `Put them where ${first?.name} sees them (group_vars of the cluster, and its host_vars if those set peers).`,
            hosts: [host],
            at: [view, host, 'peers'],
          },
        ),
      );
  }
  return findings;
}
