/** The recorded topology: who has which address where, and the resources that every case builds upon. */
import type { HostInterface } from '../../../src/felix/dataplane.ts';
import type { Resource } from '../../../src/resources/resource.ts';
import { resource } from '../../support/program.ts';

/** A pod of the topology. */
export interface Pod {
  readonly name: string;
  readonly host: 'host1' | 'host2';
  readonly v4: string;
  readonly v6: string;
  readonly mac: string;
  readonly namespace: string;
  readonly account?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

function pod(
  number: number,
  host: Pod['host'],
  v4: string,
  v6: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  ports: readonly [string, string, number][] = [],
  account?: string,
): Pod {
  return {
    name: `w${number}`,
    host,
    v4,
    v6,
    mac: `02:33:00:00:00:0${number}`,
    namespace,
    ...(account === undefined ? {} : { account }),
    labels,
    ports: ports.map(([name, protocol, port]) => ({ name, protocol, port })),
  };
}

const web = { app: 'web', tier: 'front', env: 'prod' };
const webPorts: readonly [string, string, number][] = [
  ['http', 'TCP', 8055],
  ['dns', 'UDP', 8056],
];

/** Pods with an endpoint in the base. */
export const pods: readonly Pod[] = [
  pod(1, 'host1', '10.233.64.1', 'fd10:233:64::101', 'default', web, webPorts),
  pod(2, 'host1', '10.233.64.2', 'fd10:233:64::102', 'default', { app: 'db', role: 'backend', env: 'prod' }, [
    ['http', 'TCP', 8056],
    ['sctp-p', 'SCTP', 9000],
  ]),
  pod(3, 'host1', '10.233.64.3', 'fd10:233:64::103', 'red', { app: 'web', env: 'dev' }, [
    ['http', 'TCP', 8080],
  ]),
  pod(4, 'host1', '10.233.65.4', 'fd10:233:65::104', 'red', { app: 'client' }, [], 'builder'),
  pod(5, 'host2', '10.233.64.65', 'fd10:233:64::205', 'default', web, webPorts),
  pod(6, 'host2', '10.233.64.66', 'fd10:233:64::206', 'red', { app: 'db', env: 'dev' }, [
    ['http', 'TCP', 9090],
  ]),
  pod(
    7,
    'host2',
    '10.233.64.67',
    'fd10:233:64::207',
    'default',
    { app: 'client', env: 'prod' },
    [],
    'runner',
  ),
  pod(8, 'host2', '10.233.65.68', 'fd10:233:65::208', 'blue', { app: 'api', env: 'production' }),
];

/** The pod without an endpoint. */
export const stranger: Pod = {
  name: 'wx',
  host: 'host1',
  v4: '10.233.64.50',
  v6: 'fd10:233:64::150',
  mac: '02:33:00:00:00:50',
  namespace: 'default',
  labels: {},
  ports: [],
};

/** Addresses of machines, per interface. */
export const machines = {
  host1: { eth0: ['10.210.1.11', 'fd10:210:1::11'], eth1: ['10.210.2.11', 'fd10:210:2::11'] },
  host2: { eth0: ['10.210.1.12', 'fd10:210:1::12'], eth1: ['10.210.2.12', 'fd10:210:2::12'] },
  ext: { eth0: ['10.210.1.100', 'fd10:210:1::100'], eth1: ['10.210.2.100', 'fd10:210:2::100'] },
} as const;

/** Name of a machine of the topology. */
export type Machine = keyof typeof machines;

/** Interfaces of a host as the agent sees them. */
export function hostInterfaces(host: 'host1' | 'host2', vxlanAddress?: string): readonly HostInterface[] {
  const { eth0, eth1 } = machines[host];
  const own = [...pods, stranger].filter((one) => one.host === host).map(({ name }) => `cali${name}`);
  const list: [string, readonly string[], readonly string[]][] = [
    ['lo', ['127.0.0.1'], ['::1']],
    ['eth0', [eth0[0]], [eth0[1]]],
    ['eth1', [eth1[0]], [eth1[1]]],
    ...own.map((name): [string, readonly string[], readonly string[]] => [name, [], []]),
  ];
  if (vxlanAddress !== undefined) list.push(['vxlan.calico', [vxlanAddress], []]);
  return list.map(([name, ipv4, ipv6], index) => ({ name, index: index + 1, up: true, ipv4, ipv6 }));
}

function endpoint({ name, host, v4, v6, mac, namespace, account, labels, ports }: Pod): Resource {
  return resource(
    'WorkloadEndpoint',
    `${host}-k8s-${name}-eth0`,
    {
      node: host,
      orchestrator: 'k8s',
      pod: name,
      endpoint: 'eth0',
      interfaceName: `cali${name}`,
      ipNetworks: [`${v4}/32`, `${v6}/128`],
      mac,
      profiles: [`kns.${namespace}`, ...(account === undefined ? [] : [`ksa.${namespace}.${account}`])],
      ports,
      ...(account === undefined ? {} : { serviceAccountName: account }),
    },
    { namespace, labels },
  );
}

function sentinel(name: string, host: string, v4: string): Resource {
  return resource(
    'WorkloadEndpoint',
    `${host}-k8s-${name}-eth0`,
    {
      node: host,
      orchestrator: 'k8s',
      pod: name,
      endpoint: 'eth0',
      interfaceName: `cali${name}`,
      ipNetworks: [`${v4}/32`],
      profiles: ['kns.default'],
    },
    { namespace: 'default', labels: { sentinel: 'yes' } },
  );
}

function profile(name: string, labels: Readonly<Record<string, string>>, rules: boolean): Resource {
  const allow = rules ? [{ action: 'Allow' }] : [];
  return resource('Profile', name, { ingress: allow, egress: allow, labelsToApply: labels });
}

function pool(name: string, cidr: string, natOutgoing: boolean): Resource {
  return resource('IPPool', name, { cidr, natOutgoing, ipipMode: 'Never', vxlanMode: 'Never' });
}

/** The base of every case. */
export const base: readonly Resource[] = [
  resource('ClusterInformation', 'default', { datastoreReady: true }),
  resource('Tier', 'default', { order: 1_000_000, defaultAction: 'Deny' }),
  resource('Node', 'host1', { bgp: { ipv4Address: '10.210.1.11/24', ipv6Address: 'fd10:210:1::11/64' } }),
  resource('Node', 'host2', { bgp: { ipv4Address: '10.210.1.12/24', ipv6Address: 'fd10:210:1::12/64' } }),
  profile('kns.default', { 'pcns.projectcalico.org/name': 'default' }, true),
  profile('kns.red', { 'pcns.projectcalico.org/name': 'red', 'pcns.colour': 'red', 'pcns.team': 'a' }, true),
  profile('kns.blue', { 'pcns.projectcalico.org/name': 'blue', 'pcns.colour': 'blue' }, true),
  profile('ksa.red.builder', { 'pcsa.projectcalico.org/name': 'builder', 'pcsa.trust': 'low' }, false),
  profile('ksa.default.runner', { 'pcsa.projectcalico.org/name': 'runner', 'pcsa.trust': 'high' }, false),
  pool('plain', '10.233.64.0/24', false),
  pool('natted', '10.233.65.0/24', true),
  pool('plain6', 'fd10:233:64::/112', false),
  pool('natted6', 'fd10:233:65::/112', true),
  ...pods.map(endpoint),
  sentinel('s1', 'host1', '10.233.64.60'),
  sentinel('s2', 'host2', '10.233.64.124'),
  resource('GlobalNetworkPolicy', 'zz-sentinel', {
    order: 1,
    selector: "sentinel == 'yes'",
    types: ['Ingress'],
  }),
];
