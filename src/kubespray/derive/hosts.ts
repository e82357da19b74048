/** Hosts of the plan. */
import { formatCidr, maskAddress, tryParseAddress, tryParseInterfaceAddress } from '../../ip/index.ts';
import type { HostPlan, Role, Transport } from '../cluster-plan.ts';
import type { Host } from '../inventory/index.ts';
import { text } from '../values/value.ts';
import type { ClusterView } from './cluster-view.ts';
import { type CertificatePaths, cniMtu, daemonEnvironment, hostEnvironment } from './environment.ts';
import { hostFiles } from './files.ts';
import { quotedAs } from './numbers.ts';
import type { ClusterSettings } from './settings.ts';

/** What the inventory cannot tell. */
export interface HostOptions {
  readonly tls: boolean;
  /** Prefix lengths of the networks that hosts stand in. */
  readonly subnetPrefix: number;
  readonly subnetPrefix6: number;
}

/** Every host, those that run calico-node first. */
export function planHosts(
  view: ClusterView,
  settings: ClusterSettings,
  options: HostOptions,
): readonly HostPlan[] {
  const cluster = view.cluster();
  const members = new Set(cluster);
  const others = view.etcdHosts().filter((host) => !members.has(host));
  const first = view.first();
  const certificates = view.text(first, 'calico_cert_dir') ?? '';
  const paths: CertificatePaths | undefined = options.tls
    ? { ca: `${certificates}/ca_cert.crt`, cert: `${certificates}/cert.crt`, key: `${certificates}/key.pem` }
    : undefined;
  const daemon = daemonEnvironment(view, settings, paths);
  const roles = rolesOf(view);
  const etcd = new Map(view.etcdHosts().map((host) => [host, view.text(host, 'etcd_member_name') ?? '']));
  return [...cluster, ...others].map((host) => {
    const runsNode = members.has(host);
    const { address, from } = view.address(host);
    const address6 = view.text(host, 'ip6') ?? null;
    const nodeName = host.name;
    const reflector = roles.get(host)?.includes('route-reflector') ?? false;
    const nodeAs = runsNode ? nodeAsNumber(view, host) : null;
    const labels: Record<string, string> = {};
    if (reflector && settings.reflectors) {
      labels['i-am-a-route-reflector'] = 'true';
      const id = view.since('2.20') ? view.text(host, 'calico_rr_id') : undefined;
      if (id !== undefined) labels['calico-rr-id'] = id;
    }
    const groupId = view.since('2.20') && runsNode ? view.text(host, 'calico_group_id') : undefined;
    if (groupId !== undefined) labels['calico-group-id'] = groupId;
    return {
      name: host.name,
      nodeName,
      address,
      address6,
      addressFrom: from,
      subnet: subnetOf(address, options.subnetPrefix, options.subnetPrefix6),
      subnet6: address6 === null ? null : subnetOf(address6, options.subnetPrefix, options.subnetPrefix6),
      roles: roles.get(host) ?? [],
      runsNode,
      runsPods: (roles.get(host) ?? []).includes('node'),
      asNumber: nodeAs ?? settings.globalAs,
      nodeAsNumber: nodeAs,
      isRouteReflector: reflector,
      clusterId: reflector ? (view.text(host, 'cluster_id') ?? null) : null,
      labels,
      etcdMemberName: etcd.get(host) ?? null,
      accessAddress: view.accessAddress(host),
      transport: transportOf(view, host),
      cniMtu: runsNode ? cniMtu(view, host) : null,
      environment: runsNode ? hostEnvironment(daemon, nodeName, address) : [],
      files: runsNode ? hostFiles(view, settings, host, nodeName, options.tls) : [],
      groups: view.groupNamesOf(host),
    };
  });
}

function rolesOf(view: ClusterView): ReadonlyMap<Host, readonly Role[]> {
  const result = new Map<Host, Role[]>();
  const add = (hosts: readonly Host[], role: Role) => {
    for (const host of hosts) {
      const roles = result.get(host);
      if (roles) roles.push(role);
      else result.set(host, [role]);
    }
  };
  add(view.group('controlPlane'), 'control-plane');
  add(view.etcdHosts(), 'etcd');
  add(view.group('node'), 'node');
  add(view.group('reflector'), 'route-reflector');
  return result;
}

/** The AS number on the Node: with border routers and without reflectors only. */
function nodeAsNumber(view: ClusterView, host: Host): number | null {
  if (!view.flag(host, 'peer_with_router') || view.group('reflector').length > 0) return null;
  const value = view.value(host, 'local_as');
  if (value === undefined) return null;
  const as = quotedAs(value);
  return as.kind === 'number' ? as.number : null;
}

/** The network an address stands in: its own prefix if it has one, else the assumed one. */
function subnetOf(address: string, prefix4: number, prefix6: number): string {
  const own = address.includes('/') ? tryParseInterfaceAddress(address) : undefined;
  if (own) return formatCidr({ ...maskAddress(own.address, own.prefix), prefix: own.prefix });
  const parsed = tryParseAddress(address);
  if (!parsed) return address;
  const prefix = parsed.version === 4 ? prefix4 : prefix6;
  return formatCidr({ ...maskAddress(parsed, prefix), prefix });
}

function transportOf(view: ClusterView, host: Host): Transport {
  const variables = view.loaded.variables(host);
  const read = (...names: string[]) => {
    for (const name of names) {
      const value = variables.has(name) ? view.value(host, name) : undefined;
      if (value !== undefined) return text(value);
    }
    return null;
  };
  const port = read('ansible_port', 'ansible_ssh_port');
  return {
    host: read('ansible_host', 'ansible_ssh_host'),
    user: read('ansible_user', 'ansible_ssh_user'),
    port: port !== null && /^\d+$/.test(port) ? Number(port) : null,
    connection: read('ansible_connection') ?? 'ssh',
  };
}
