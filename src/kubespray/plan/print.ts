/** A plan, its findings, its proof and a difference as text. */
import type { Reachability } from '../../bgp/index.ts';
import type { ClusterPlan, Finding, ResourceStep, SessionPlan } from '../cluster-plan.ts';
import type { Difference } from './diff.ts';
import { missingPairs, type Proof, type Way } from './proof.ts';

/** Columns of equal width. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    });
  return rows.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd());
}

/** Long lists are cut unless everything is wanted. */
function cut(lines: readonly string[], all: boolean, limit = 40): string[] {
  return all || lines.length <= limit
    ? [...lines]
    : [...lines.slice(0, limit), `  … and ${lines.length - limit} more (--all shows them)`];
}

function encapsulationText(plan: ClusterPlan): string {
  const { kind, mode } = plan.encapsulation;
  if (kind === 'none') return plan.bgpRunning ? 'no encapsulation' : 'no encapsulation and no BGP';
  const name = kind === 'ipip' ? 'IP in IP' : 'VXLAN';
  return mode === 'Always' ? `${name} between all hosts` : `${name} between hosts of different subnets`;
}

function routingText(plan: ClusterPlan): string {
  if (plan.backend === 'none') return 'none: policy only';
  if (plan.backend === 'vxlan') return 'vxlan: routes from the datastore, no BGP';
  const reflectors = plan.hosts.filter((host) => host.isRouteReflector).length;
  const how = plan.nodeToNodeMesh
    ? 'full mesh'
    : [
        ...(reflectors > 0 ? [counted(reflectors, 'route reflector')] : []),
        ...(plan.routers.length > 0 ? [counted(plan.routers.length, 'border router')] : []),
      ].join(' and ') || 'no peers';
  return `bird: BGP in AS ${plan.globalAsNumber}, ${how}`;
}

const counted = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The plan. */
export function printPlan(plan: ClusterPlan, all: boolean): string {
  const lines: string[] = [];
  lines.push(`Kubespray ${plan.release} (${plan.releaseFrom}), Calico ${plan.calicoVersion}`, '', 'Network');
  const rows: string[][] = plan.pools.map((pool) => [
    'pods',
    `${pool.cidr} in pool ${pool.name}, blocks of /${pool.blockSize}, outgoing NAT ${pool.natOutgoing ? 'on' : 'off'}`,
  ]);
  rows.push(['between hosts', encapsulationText(plan)], ['routing', routingText(plan)]);
  const { clusterIPs, externalIPs, loadBalancerIPs } = plan.advertised;
  const advertised = [...clusterIPs, ...externalIPs, ...loadBalancerIPs];
  rows.push([
    'services',
    `${plan.serviceCidrs.join(', ')}${advertised.length > 0 ? `; announced: ${advertised.join(', ')}` : ''}`,
  ]);
  rows.push(['datastore', plan.datastore === 'kdd' ? 'Kubernetes' : `etcd ${plan.etcd.endpoints.join(',')}`]);
  lines.push(...table(rows), '', `Hosts (${plan.hosts.length})`);
  const hosts = table([
    ['NAME', 'ADDRESS', 'AS', 'ROLES'],
    ...plan.hosts.map((host) => [
      host.name,
      host.address6 === null ? host.address : `${host.address} ${host.address6}`,
      host.runsNode ? String(host.asNumber) : '-',
      `${host.roles.join(', ')}${host.clusterId === null ? '' : `, cluster id ${host.clusterId}`}${host.runsNode ? '' : ' (no calico-node)'}`,
    ]),
  ]);
  lines.push(...cut(hosts, all));
  if (plan.bgpRunning) {
    lines.push('', `BGP sessions (${plan.sessions.length})`);
    lines.push(...cut(table(plan.sessions.map(sessionRow)), all));
  }
  lines.push('', 'Resources, in the order in which they are written');
  lines.push(...cut(printSteps(plan.steps), all));
  return `${lines.join('\n')}\n`;
}

function sessionRow(one: SessionPlan): string[] {
  const peer = one.peer === null ? `${one.peerAddress} (AS ${one.peerAs}, outside)` : one.peer;
  const kind = one.hostAs === one.peerAs ? 'iBGP' : 'eBGP';
  const client = {
    none: '',
    'host-reflects': `, ${one.host} reflects`,
    'peer-reflects': `, ${one.peer} reflects`,
    'both-reflect': ', both reflect',
  };
  return [one.host, peer, `${kind}, ${one.via}${client[one.reflection]}`];
}

/** Steps, numbered. */
export function printSteps(steps: readonly ResourceStep[]): string[] {
  const width = String(steps.length).length;
  return steps.map(({ how, resource, reason }, at) => {
    const { kind, metadata, spec } = resource;
    const content = how === 'label' ? JSON.stringify(metadata.labels) : JSON.stringify(spec);
    return `  ${String(at + 1).padStart(width)}. ${how} ${kind} ${metadata.name} ${content}  (${reason})`;
  });
}

/** What is proved. */
export function printProof(proof: Proof | undefined, ways: readonly Way[] = []): string {
  if (!proof) return 'Connectivity\n  no BGP: every host takes the routes from the datastore\n';
  const lines = ['Connectivity'];
  const missing = missingPairs(proof.reachability);
  lines.push(
    missing === 0
      ? '  every host learns the pods of every other'
      : `  ${missing} pairs of hosts have no route:`,
  );
  if (missing > 0) lines.push(...lossLines(proof.reachability));
  for (const { through, pairs } of ways.slice(0, 12))
    lines.push(
      `  ${pairs} pairs ${through.length === 0 ? 'by a session of their own' : `through ${through.join(', then ')}`}`,
    );
  const broken = proof.failures.filter((one) => one.losses.length > 0 && missingPairs(one) > missing);
  if (proof.failures.length === 0)
    lines.push('  no single failure cuts off anybody but the failed host itself');
  else if (broken.length === 0)
    lines.push(
      missing === 0
        ? '  and still does when any one reflector, router or host is down'
        : '  the failure of any one reflector, router or host makes it no worse',
    );
  for (const one of broken) {
    const what = one.failure?.kind === 'speaker' ? one.failure.name : `${one.failure?.a}–${one.failure?.b}`;
    lines.push(`  when ${what} is down, ${missingPairs(one)} pairs have no route:`, ...lossLines(one));
  }
  if (proof.assumesRouters) {
    lines.push('  (border routers are assumed to exchange routes with each other)');
    if (missing > 0)
      lines.push(
        '  (packets still arrive where the router is the default gateway of the hosts, or rewrites AS paths, "as-override")',
      );
  }
  return `${lines.join('\n')}\n`;
}

function lossLines(one: Reachability): string[] {
  const lines = one.losses.map(({ receiver, missing, examples }) => {
    const more = missing - examples.length;
    return `    ${receiver} does not learn the pods of ${examples.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  });
  return cut(lines, false, 10);
}

/** Findings, one or two lines each. */
export function printFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Findings\n  none\n';
  const count = (severity: Finding['severity'], word: string) => {
    const number = findings.filter((one) => one.severity === severity).length;
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`];
  };
  const lines = [
    `Findings: ${[...count('error', 'error'), ...count('warning', 'warning'), ...count('note', 'note')].join(', ')}`,
  ];
  for (const one of findings) {
    lines.push(`  ${one.severity}: ${one.message}${one.origin === undefined ? '' : ` [${one.origin}]`}`);
    if (one.cure !== undefined) lines.push(`    ${one.cure}`);
  }
  return `${lines.join('\n')}\n`;
}

const areas: readonly (readonly [Difference['changes'][number]['area'], string])[] = [
  ['hosts', 'Hosts'],
  ['pools', 'Addresses and pools'],
  ['sessions', 'BGP sessions'],
  ['routing', 'Routing'],
  ['settings', 'Settings'],
  ['agents', 'Agents'],
  ['stale', 'Left over'],
];

/** A difference, grouped by what it means. */
export function printDifference(difference: Difference): string {
  if (difference.changes.length === 0 && difference.steps.length === 0) return 'No changes.\n';
  const lines: string[] = [];
  for (const [area, title] of areas) {
    const changes = difference.changes.filter((one) => one.area === area);
    if (changes.length === 0) continue;
    lines.push(title);
    for (const { risk, text, advice } of changes) {
      lines.push(`  [${risk}] ${text}`);
      if (advice !== undefined) lines.push(`    ${advice}`);
    }
    lines.push('');
  }
  if (difference.steps.length > 0)
    lines.push('Steps, in the safe order', ...cut(printSteps(difference.steps), false), '');
  if (difference.stages.length > 2 || difference.stages.some((one) => one.pairsLost > 0)) {
    lines.push('Pairs of hosts without a BGP route');
    lines.push(...table(difference.stages.map((one) => [one.text, String(one.pairsLost)])));
    if (difference.kubesprayOrderLoses > 0)
      lines.push(
        `  (in Kubespray's own order, the mesh switched off first: ${difference.kubesprayOrderLoses})`,
      );
    lines.push('');
  }
  if (difference.kept.length > 0)
    lines.push('Fields of others that stay', ...difference.kept.map((one) => `  ${one}`), '');
  return `${lines.join('\n').trimEnd()}\n`;
}
