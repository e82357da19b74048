import { expect, test } from 'bun:test';
import { readNetConf } from './config.ts';
import { networkProfile, randomMac, workloadEndpoint } from './endpoint.ts';
import type { PodSettings } from './kubernetes/pod-settings.ts';
import { readCall } from './protocol/call.ts';
import { formerHandleOf, hostInterfaceName, type Workload } from './workload.ts';

const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c', CNI_NETNS: '/n', CNI_IFNAME: 'eth0', CNI_PATH: '/p' };
const conf = readNetConf(readCall(env, '{"cniVersion":"1.0.0","name":"net"}'));
const pod: Workload = {
  orchestrator: 'k8s',
  namespace: 'default',
  node: 'n1',
  containerId: 'abcdef0123456789',
  pod: 'web-0',
  endpoint: 'eth0',
};
const settings: PodSettings = {
  labels: { app: 'web' },
  generateName: 'web-',
  serviceAccount: 'runner',
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  v4Pools: [],
  v6Pools: [],
  assignV4: true,
  assignV6: false,
  addresses: [],
  addressesNoIpam: [],
  floatingIps: ['1.2.3.4', 'fd00::1'],
  mac: undefined,
  allowedSourcePrefixes: [],
};
const parts = {
  conf,
  workload: pod,
  name: 'n1-k8s-web--0-eth0',
  interfaceName: 'cali0d7763386da',
  mac: '02:00:00:00:00:01',
  addresses: ['10.0.0.1'],
  now: new Date('2026-01-05T10:02:11.123Z'),
  labels: {},
};

test('the endpoint of a pod', () => {
  const endpoint = workloadEndpoint({ ...parts, settings, existing: undefined });
  expect(endpoint.metadata).toMatchObject({
    generateName: 'web-',
    creationTimestamp: '2026-01-05T10:02:11Z',
    labels: { app: 'web', 'projectcalico.org/namespace': 'default', 'projectcalico.org/orchestrator': 'k8s' },
  });
  expect(endpoint.spec).toMatchObject({
    profiles: ['kns.default', 'ksa.default.runner'],
    ipNetworks: ['10.0.0.1/32'],
    ipNATs: [{ internalIP: '10.0.0.1', externalIP: '1.2.3.4' }],
  });
});

test('a new sandbox keeps identity and what others wrote, and nothing of the old pod', () => {
  const first = workloadEndpoint({ ...parts, settings, existing: undefined });
  const existing = { ...first, spec: { ...first.spec, future: 1 } };
  const bare: PodSettings = { ...settings, ports: [], floatingIps: [], serviceAccount: '' };
  const again = workloadEndpoint({ ...parts, addresses: ['10.0.0.2'], settings: bare, existing });
  expect(again.metadata.uid).toBe(first.metadata.uid!);
  expect(again.spec).toMatchObject({ ipNetworks: ['10.0.0.2/32'], future: 1 });
  for (const name of ['ports', 'ipNATs', 'serviceAccountName']) expect(again.spec).not.toHaveProperty(name);
});

test.each([
  [pod, {}, 'cali0d7763386da'],
  [{ ...pod, namespace: 'kube-system', pod: 'coredns-0' }, {}, 'cali8c346e38bf4'],
  [pod, { FELIX_INTERFACEPREFIX: 'calx,tap' }, 'calx0d7763386da'],
  [{ ...pod, orchestrator: 'cni' as const, pod: '' }, { FELIX_INTERFACEPREFIX: 'calx' }, 'caliabcdef01234'],
])('the host side of %j is named as upstream names it', (workload, environment, name) => {
  expect(hostInterfaceName(workload, environment)).toBe(name);
});

test('handles of old releases do not name the network', () => {
  expect(formerHandleOf(pod)).toBe('default.web-0');
  expect(formerHandleOf({ ...pod, orchestrator: 'cni' })).toBe('abcdef0123456789');
});

test('a plain network lets its members in, one of pods everybody', () => {
  expect(networkProfile('net', false, parts.now).spec.ingress?.[0]?.source).toEqual({ selector: 'has(net)' });
  expect(networkProfile('net', true, parts.now).spec.ingress?.[0]?.source).toEqual({});
});

test('random MACs are local and unicast', () => {
  for (let i = 0; i < 50; i++) expect(Number.parseInt(randomMac().slice(0, 2), 16) & 3).toBe(2);
});
