import { describe, expect, test } from 'bun:test';
import { parseAddress } from '../ip/index.ts';
import { type DefaultPoolFacts, defaultPools } from './default-pools.ts';
import { readNodeSettings } from './settings.ts';

const facts = (address: string, overrides: Partial<DefaultPoolFacts> = {}): DefaultPoolFacts => ({
  noDefaultPools: false,
  hasPool: () => false,
  interfaces: [
    { name: 'eth0', index: 2, up: true, addresses: [{ address: parseAddress(address), prefix: 24 }] },
  ],
  random: () => new Uint8Array([1, 2, 3, 4, 5]),
  ...overrides,
});

function pools(env: Record<string, string>, given: DefaultPoolFacts) {
  const settings = readNodeSettings(env);
  return defaultPools(settings.pool4, settings.pool6, { ...given, noDefaultPools: settings.noDefaultPools });
}

describe('defaultPools', () => {
  test('the usual range', () => {
    expect(pools({}, facts('10.0.0.1'))).toEqual([
      {
        name: 'default-ipv4-ippool',
        spec: {
          cidr: '192.168.0.0/16',
          ipipMode: 'Never',
          vxlanMode: 'Never',
          natOutgoing: true,
          nodeSelector: 'all()',
          blockSize: 26,
        },
      },
    ]);
  });

  test('a host that lives in 192.168 gets a free 172 range', () => {
    expect(pools({}, facts('192.168.1.1'))[0]?.spec.cidr).toBe('172.16.0.0/16');
  });

  test('an IPv6 host gets a unique local range as well', () => {
    expect(pools({}, facts('2001:db8::1')).map((pool) => pool.spec.cidr)).toEqual([
      '192.168.0.0/16',
      'fd01:203:405::/48',
    ]);
  });

  test('a link-local address alone does not make an IPv6 host', () => {
    expect(pools({ CALICO_IPV4POOL_CIDR: 'none' }, facts('fe80::1'))).toEqual([]);
  });

  test.each([
    [{ CALICO_IPV4POOL_CIDR: 'none' }, 0],
    [{ NO_DEFAULT_POOLS: 'true' }, 0],
    [{ CALICO_IPV4POOL_CIDR: '10.1.0.0/16', CALICO_IPV4POOL_IPIP: 'cross-subnet' }, 1],
  ])('%j makes %i pools', (env, count) => {
    expect(pools(env as Record<string, string>, facts('10.0.0.1'))).toHaveLength(count);
  });

  test.each([
    [{ CALICO_IPV4POOL_CIDR: 'fd00::/64' }, 'CALICO_IPV4POOL_CIDR'],
    [
      { CALICO_IPV4POOL_IPIP: 'sometimes' },
      "Unrecognized mode specified in CALICO_IPV4POOL_IPIP 'sometimes'",
    ],
    [{ CALICO_IPV4POOL_IPIP: 'Always', CALICO_IPV4POOL_VXLAN: 'Always' }, 'both set'],
    [{ CALICO_IPV4POOL_BLOCK_SIZE: '19' }, 'CALICO_IPV4POOL_BLOCK_SIZE'],
    [{ NO_DEFAULT_POOLS: 'true', CALICO_IPV4POOL_CIDR: '10.0.0.0/16' }, 'NO_DEFAULT_POOLS'],
  ])('%j is refused', (env, text) => {
    expect(() => pools(env as unknown as Record<string, string>, facts('10.0.0.1'))).toThrow(text);
  });
});
