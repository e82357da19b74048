import { describe, expect, test } from 'bun:test';
import { parseAddress } from '../ip/index.ts';
import {
  type DetectionFacts,
  detectAddress,
  formatDetected,
  type HostInterface,
  parseAutodetectionMethod,
} from './autodetect.ts';

const link = (index: number, name: string, ...texts: string[]): HostInterface => ({
  name,
  index,
  up: true,
  addresses: texts.map((text) => {
    const [address, prefix] = text.split('/');
    return { address: parseAddress(address!), prefix: Number(prefix) };
  }),
});

const facts: DetectionFacts = {
  interfaces: [
    link(1, 'lo', '127.0.0.1/8', '::1/128'),
    link(2, 'eth0', '10.210.1.12/24', 'fe80::1/64', 'fd00::12/64'),
    link(3, 'eth1', '192.168.5.2/16'),
    link(4, 'docker0', '172.17.0.1/16'),
    { ...link(5, 'eth2', '10.9.9.9/8'), up: false },
  ],
  sourceTowards: async (destination) => (destination === '10.210.1.1' ? '10.210.1.12' : undefined),
  kubernetesInternalIp: async () => '192.168.5.2',
};

describe('detectAddress', () => {
  const rows: readonly [method: string, version: 4 | 6, expected: string | undefined][] = [
    ['', 4, '192.168.5.2/16'],
    ['first-found', 6, 'fd00::12/64'],
    ['interface=eth0', 4, '10.210.1.12/24'],
    ['interface=nope,eth0', 4, '10.210.1.12/24'],
    ['interface=docker0', 4, '172.17.0.1/16'],
    ['skip-interface=eth1', 4, '10.210.1.12/24'],
    ['skip-interface=eth.*', 4, undefined],
    ['can-reach=10.210.1.1', 4, '10.210.1.12/24'],
    ['can-reach=10.0.0.1', 4, undefined],
    ['cidr=10.0.0.0/8', 4, '10.210.1.12/24'],
    ['cidr=172.16.0.0/12,1.0.0.0/8', 4, '172.17.0.1/16'],
    ['kubernetes-internal-ip', 4, '192.168.5.2/16'],
  ];
  for (const [method, version, expected] of rows) {
    test(`${method || '(default)'} IPv${version}`, async () => {
      const found = await detectAddress(
        parseAutodetectionMethod(method, 'IP_AUTODETECTION_METHOD'),
        version,
        facts,
      );
      expect(found && formatDetected(found)).toBe(expected);
    });
  }

  test('an unknown method names its variable', () => {
    expect(() => parseAutodetectionMethod('best', 'IP_AUTODETECTION_METHOD')).toThrow(
      'invalid IP autodetection method: best',
    );
  });
});
