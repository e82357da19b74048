import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { planCluster } from '../kubespray/index.ts';
import type { KernelFacts } from '../linux/index.ts';
import { obstacles } from './preflight.ts';

const { plan } = planCluster([
  join(import.meta.dirname, '..', 'kubespray', 'testdata', 'rr-doc', 'hosts.ini'),
]);
const ok = { ok: true } as const;
const missing = { ok: false, reason: 'EOPNOTSUPP' } as const;
const facts: KernelFacts = {
  release: '6.1',
  veth: ok,
  bridge: ok,
  ipip: ok,
  vxlan: ok,
  nft: ok,
  iptablesLegacy: ok,
  ipset: ok,
  userns: ok,
};
const programs = new Set(['etcd', 'bird', 'nsenter', 'unshare', 'mount']);

test('a kernel that has everything is no obstacle', () => {
  expect(obstacles(plan, facts, programs)).toEqual([]);
});

test('what is missing is said with the variable that asks for it and the way out', () => {
  const [found] = obstacles(plan, { ...facts, ipip: missing }, programs);
  expect(found?.message).toContain('calico_ipip_mode is Always');
  expect(found?.message).toContain('EOPNOTSUPP');
  expect(found?.cure).toContain('calico_ipip_mode: Never');
});

test('what the inventory does not ask for may be missing', () => {
  expect(obstacles(plan, { ...facts, vxlan: missing, ipset: missing }, programs)).toEqual([]);
});

test('each missing program names its package', () => {
  const found = obstacles(plan, facts, new Set(['nsenter', 'unshare', 'mount']));
  expect(found.map(({ cure }) => cure.split(': ').at(-1))).toEqual([
    'apt-get install etcd-server',
    'apt-get install bird2',
  ]);
});
