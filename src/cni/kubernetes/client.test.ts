import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NetConf, readNetConf } from '../config.ts';
import { readCall } from '../protocol/call.ts';
import { kubernetesClient } from './client.ts';
import { podSettings } from './pod-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'k8s-'));
const seen: (string | undefined)[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers.authorization);
  const known: Record<string, object> = {
    '/api/v1/namespaces/ns': { metadata: { name: 'ns', labels: { team: 'a' } } },
    '/api/v1/nodes/n1': { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'] } },
  };
  const body = known[request.url ?? ''];
  response.statusCode = body ? 200 : 404;
  response.end(JSON.stringify(body ?? { kind: 'Status', message: 'pods "web" not found' }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function conf(extra: object): NetConf {
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c',
    CNI_NETNS: '/n',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/p',
  };
  return readNetConf(readCall(env, JSON.stringify({ cniVersion: '1.0.0', name: 'net', ...extra })));
}

test('a kubeconfig names server, trust and token', async () => {
  const path = join(folder, 'kubeconfig');
  writeFileSync(
    path,
    `clusters:\n- name: local\n  cluster:\n    server: ${url}\nusers:\n- name: calico\n  user:\n    token: secret\ncontexts:\n- name: c\n  context: {cluster: local, user: calico}\ncurrent-context: c\n`,
  );
  const api = await kubernetesClient(conf({ kubernetes: { kubeconfig: path } }));
  expect((await api.namespace('ns')).metadata.labels).toEqual({ team: 'a' });
  expect(await api.podCidrs('n1')).toEqual(['10.1.0.0/24', 'fd00:1::/64']);
  expect(seen).toEqual(['Bearer secret', 'Bearer secret']);
  await expect(api.pod('ns', 'web')).rejects.toThrow('pods "web" not found');
});

test('a root and a token do as well; nothing at all is refused', async () => {
  const api = await kubernetesClient(
    conf({ policy: { k8s_api_root: `${url}/api/v1/`, k8s_auth_token: 't' } }),
  );
  await api.namespace('ns');
  expect(seen.at(-1)).toBe('Bearer t');
  await expect(kubernetesClient(conf({}))).rejects.toThrow('no configuration has been provided');
  const gone = conf({ kubernetes: { kubeconfig: '/nowhere' } });
  await expect(kubernetesClient(gone)).rejects.toThrow('stat /nowhere: no such file or directory');
});

const pod = (annotations: Record<string, string>) => ({
  metadata: {
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([k, v]) => [`cni.projectcalico.org/${k}`, v]),
    ),
  },
  spec: { serviceAccountName: 'default' },
});
const namespace = { metadata: { annotations: { 'cni.projectcalico.org/ipv4pools': '["from-ns"]' } } };

test('annotations of the pod win over the namespace’s, and those over the configuration', () => {
  const own = conf({ ipam: { type: 'calico-ipam', ipv4_pools: ['from-conf'], ipv6_pools: ['six'] } });
  expect(podSettings(pod({}), namespace, own)).toMatchObject({ v4Pools: ['from-ns'], v6Pools: ['six'] });
  expect(podSettings(pod({ ipv4pools: '["own"]', ipFamilies: '["IPv6"]' }), namespace, own)).toMatchObject({
    v4Pools: ['own'],
    assignV4: false,
    assignV6: true,
  });
});

test.each([
  [{ ipv4pools: 'x' }, "invalid character 'x' looking for beginning of value"],
  [{ ipFamilies: '["IPv9"]' }, 'error parsing ipFamilies: ["IPv9"]'],
  [{ ipAddrs: '[]' }, 'annotation "cni.projectcalico.org/ipAddrs" specified but empty'],
  [{ ipAddrs: '["10.0.0.1","10.0.0.2"]' }, 'cannot have more than one IPv4 address'],
  [{ ipAddrsNoIpam: '["10.0.0.1"]' }, 'requested feature is not enabled: ip_addrs_no_ipam'],
  [{ floatingIPs: '["1.2.3.4"]' }, 'requested feature is not enabled: floating_ips'],
  [{ hwAddr: 'nonsense' }, 'failed to parse MAC address nonsense'],
  [{ allowedSourcePrefixes: '["8.8.8.8"]' }, 'invalid CIDR address: 8.8.8.8'],
] as const)('%j is refused', (annotations, message) => {
  const own = conf({ ipam: { type: 'calico-ipam' } });
  expect(() => podSettings(pod(annotations), namespace, own)).toThrow(message);
});
