/** Every variable that Kubespray gives calico-node has its effect on a running node (specification of Kubespray v2.14). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RtNetlink } from '../../src/linux/index.ts';
import { makeNodeHost, type NodeHost, type NodeProcess, until } from '../support/node-process.ts';

let host: NodeHost;
let node: NodeProcess;

const output = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8' }).stdout;
const setting = (name: string, overrides: Record<string, string>) =>
  host.run(['config', '--why', name], overrides).stdout.trim();

/** As Kubespray writes them: booleans in Python's spelling. */
const environment = {
  CALICO_NETWORKING_BACKEND: 'bird',
  CALICO_K8S_NODE_REF: 'node2.example',
  CALICO_DISABLE_FILE_LOGGING: 'true',
  CALICO_ADVERTISE_CLUSTER_IPS: '10.233.0.0/18',
  CALICO_IPV4POOL_IPIP: 'Off',
  FELIX_DEFAULTENDPOINTTOHOSTACTION: 'ACCEPT',
  FELIX_HEALTHHOST: '127.0.0.1',
  FELIX_IPV6SUPPORT: 'false',
  FELIX_LOGSEVERITYSCREEN: 'info',
  FELIX_USAGEREPORTINGENABLED: 'False',
  FELIX_CHAININSERTMODE: 'Insert',
  FELIX_IPTABLESBACKEND: 'Legacy',
  FELIX_IPTABLESLOCKTIMEOUTSECS: '10',
  FELIX_KUBENODEPORTRANGES: '30000:32767',
  FELIX_WIREGUARDMTU: '1420',
  FELIX_IPINIPMTU: '1430',
  FELIX_PROMETHEUSMETRICSENABLED: 'True',
  FELIX_PROMETHEUSMETRICSPORT: '9191',
  FELIX_PROMETHEUSGOMETRICSENABLED: 'True',
  FELIX_PROMETHEUSPROCESSMETRICSENABLED: 'True',
  FELIX_IGNORELOOSERPF: 'True',
  FELIX_DEVICEROUTESOURCEADDRESS: '10.210.1.12',
  IP: 'autodetect',
  IP_AUTODETECTION_METHOD: 'can-reach=10.210.1.1',
};

beforeAll(async () => {
  host = await makeNodeHost();
  const netlink = new RtNetlink();
  netlink.addLink('cali0123456789a', { kind: 'veth', peer: { name: 'pod' } }, { up: true });
  netlink.close();
  node = host.start(environment);
  await until('readiness', () => host.run(['-felix-ready', '-bird-ready'], environment).status === 0);
});

afterAll(async () => {
  await host?.close();
});

describe('calico-node with the environment of Kubespray', () => {
  test('NODENAME, IP, IP_AUTODETECTION_METHOD: the Node has the address with its prefix', async () => {
    expect((await host.resource('nodes/node2')).spec.bgp.ipv4Address).toBe('10.210.1.12/24');
  });

  test('CALICO_K8S_NODE_REF', async () => {
    expect((await host.resource('nodes/node2')).spec.orchRefs).toEqual([
      { nodeName: 'node2.example', orchestrator: 'k8s' },
    ]);
  });

  test('CLUSTER_TYPE', async () => {
    expect((await host.resource('clusterinformations/default')).spec.clusterType).toBe('kubespray,bgp');
  });

  test('CALICO_IPV4POOL_IPIP', async () => {
    expect((await host.resource('ippools/default-ipv4-ippool')).spec.ipipMode).toBe('Never');
  });

  test('CALICO_NETWORKING_BACKEND: BIRD runs', () => {
    expect(existsSync(join(host.folder, 'run/bird.ctl'))).toBe(true);
  });

  test('CALICO_ADVERTISE_CLUSTER_IPS: the range is in BIRD’s configuration', () => {
    expect(readFileSync(join(host.folder, 'etc/bird/bird.conf'), 'utf8')).toContain('10.233.0.0/18');
  });

  test('CALICO_DISABLE_FILE_LOGGING: the log is standard output', () => {
    expect(node.output()).toContain('Calico node started successfully');
    expect(existsSync(join(host.folder, 'log/felix'))).toBe(false);
  });

  test('FELIX_HEALTHENABLED, FELIX_HEALTHHOST: 127.0.0.1 only', () => {
    expect(output('ss', '-Hltn', 'sport = :9099')).toContain('127.0.0.1:9099');
  });

  test('FELIX_PROMETHEUS*: metrics on the port', async () => {
    expect(await (await fetch('http://127.0.0.1:9191/metrics')).text()).toContain(
      'felix_host{host="node2"} 1',
    );
  });

  test('FELIX_IPV6SUPPORT: no IPv6 table', () => {
    expect(output('nft', 'list', 'tables')).toContain('table ip calico');
    expect(output('nft', 'list', 'tables')).not.toContain('ip6 calico');
  });

  test('FELIX_DEFAULTENDPOINTTOHOSTACTION: ACCEPT ends the chain from workloads to the host', () => {
    const chain = output('nft', 'list', 'chain', 'ip', 'calico', 'filter-cali-wl-to-host');
    expect(chain.trim().split('\n').at(-3)).toContain('accept');
  });

  test('FELIX_DEVICEROUTESOURCEADDRESS: the source of a workload’s route', async () => {
    const endpoint = {
      kind: 'WorkloadEndpoint',
      apiVersion: 'projectcalico.org/v3',
      metadata: {
        name: 'node2-cni-c1-eth0',
        namespace: 'default',
        uid: 'u',
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: {
        orchestrator: 'cni',
        node: 'node2',
        containerID: 'c1',
        endpoint: 'eth0',
        ipNetworks: ['10.233.64.7/32'],
        interfaceName: 'cali0123456789a',
        profiles: [],
      },
    };
    await host.client.put(
      '/calico/resources/v3/projectcalico.org/workloadendpoints/default/node2-cni-c1-eth0',
      Buffer.from(JSON.stringify(endpoint)),
    );
    await until('the route', () => output('ip', 'route', 'show', '10.233.64.7').includes('src 10.210.1.12'));
  });

  test.each([
    ['FELIX_LOGSEVERITYSCREEN', 'LogSeverityScreen = "INFO"  (environment)'],
    ['FELIX_USAGEREPORTINGENABLED', 'UsageReportingEnabled = false  (environment)'],
    ['FELIX_CHAININSERTMODE', 'ChainInsertMode = "insert"  (environment)'],
    ['FELIX_IPTABLESBACKEND', 'IptablesBackend = "legacy"  (environment)'],
    ['FELIX_IPTABLESLOCKTIMEOUTSECS', 'IptablesLockTimeoutSecs = 10  (environment)'],
    ['FELIX_KUBENODEPORTRANGES', 'KubeNodePortRanges = [{"first":30000,"last":32767}]  (environment)'],
    ['FELIX_WIREGUARDMTU', 'WireguardMTU = 1420  (environment)'],
    ['FELIX_IPINIPMTU', 'IpInIpMtu = 1430  (environment)'],
    ['FELIX_IGNORELOOSERPF', 'IgnoreLooseRPF = true  (environment)'],
    ['FELIX_PROMETHEUSGOMETRICSENABLED', 'PrometheusGoMetricsEnabled = true  (environment)'],
    ['FELIX_PROMETHEUSPROCESSMETRICSENABLED', 'PrometheusProcessMetricsEnabled = true  (environment)'],
  ])('%s is taken over', (name, expected) =>
    expect(setting(name, environment).toLowerCase()).toBe(expected.toLowerCase()),
  );
});
