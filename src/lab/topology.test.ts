import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { planCluster } from '../kubespray/index.ts';
import { limitPlan, topology } from './topology.ts';

const planOf = (example: string) =>
  planCluster([join(import.meta.dirname, '..', 'kubespray', 'testdata', example, 'hosts.ini')]).plan;

describe('topology', () => {
  test("the driving document's hosts hang on one switch", () => {
    const { switches, machines, etcd, pods, borderRouters } = topology(planOf('rr-doc'), 2);
    expect(switches).toEqual([{ name: 'br0', subnet: '10.210.1.0/24', gateway: '10.210.1.1/24' }]);
    expect(machines.map(({ name, addresses, gateways }) => [name, addresses, gateways])).toContainEqual([
      'rr0',
      ['10.210.1.10/24'],
      ['10.210.1.1'],
    ]);
    expect(machines).toHaveLength(6);
    expect(new Set(machines.map(({ port }) => port)).size).toBe(6);
    expect(etcd.map(({ host }) => host)).toEqual(['node2', 'node3', 'node4']);
    expect(pods).toHaveLength(8);
    expect(pods.filter(({ host }) => host.startsWith('rr'))).toEqual([]);
    expect(borderRouters).toEqual([]);
  });

  test('each subnet has a switch, and a router that no host is', () => {
    const { switches, machines } = topology(planOf('mesh6-vxlan'), 1);
    expect(switches.map(({ subnet }) => subnet).sort()).toEqual(['10.10.1.0/24', '10.10.2.0/24']);
    const taken = new Set(machines.flatMap(({ addresses }) => addresses));
    for (const { gateway } of switches) expect(taken).not.toContain(gateway);
  });

  test('border routers are machines that speak to their hosts and to each other', () => {
    const { machines, borderRouters } = topology(planOf('border-two-sites'), 1);
    expect(
      machines.filter(({ kind }) => kind === 'border-router').map(({ addresses }) => addresses[0]),
    ).toEqual(expect.arrayContaining(['10.99.0.2/24', '10.99.0.34/24']));
    const ny = borderRouters.find(({ address }) => address === '10.99.0.34')!;
    expect(ny.neighbours.map(({ name, asNumber }) => [name, asNumber])).toEqual(
      expect.arrayContaining([
        ['ny1', 65041],
        ['ny2', 65041],
        ['router-10-99-0-2', 65001],
      ]),
    );
    expect(machines.find(({ name }) => name === 'ny1')!.gateways).toEqual(['10.99.0.34']);
  });

  test('an address that others use and the host does not stand in is on its loopback', () => {
    const { machines } = topology(planOf('border-two-sites'), 1);
    expect(machines.find(({ name }) => name === 'ny2')!.further).toEqual([
      { address: '203.0.113.42', routed: true },
    ]);
  });
});

describe('limit', () => {
  test('keeps what has both ends, and the etcd members', () => {
    const limited = limitPlan(planOf('rr-doc'), ['rr0', 'node5']);
    expect(limited.hosts.map(({ name }) => name).sort()).toEqual(['node2', 'node3', 'node4', 'node5', 'rr0']);
    expect(limited.sessions).toHaveLength(4);
    expect(JSON.stringify(limited.steps)).not.toContain('rr1');
  });
});
