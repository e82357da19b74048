/** Routes of an earlier BIRD in the kernel. */
import { expect, test } from 'bun:test';
import { removeLeftOverRoutes } from '../../src/bgp/index.ts';
import { RtNetlink } from '../../src/linux/index.ts';
import { ip } from '../support/bgp-net.ts';

test('what ours replaced goes at once, the rest at the end, everything else stays', () => {
  const netlink = new RtNetlink();
  const add = (...words: readonly string[]) => ip('route', 'add', ...words);
  add('blackhole', '10.244.1.0/26', 'proto', 'bird');
  add('blackhole', '10.244.1.0/26', 'proto', 'bird', 'metric', '32');
  add('blackhole', '10.244.2.0/26', 'proto', 'bird', 'metric', '1024');
  add('blackhole', '10.9.0.0/16', 'proto', 'bird');
  add('blackhole', '10.244.3.0/26', 'proto', '80');
  ip('-6', 'route', 'add', 'blackhole', 'fd00:244:1::/122', 'proto', 'bird');
  const routes = () =>
    ['-4', '-6']
      .flatMap((family) => ip(family, 'route', 'show', 'type', 'blackhole').trim().split('\n'))
      .map((line) => line.replace(/ +(dev lo|pref medium)/g, '').trim())
      .filter(Boolean)
      .sort();
  const pools = ['10.244.0.0/16', 'fd00:244::/32'];
  expect(removeLeftOverRoutes(netlink, pools, false)).toBe(2);
  expect(routes()).toEqual([
    'blackhole 10.244.1.0/26 proto bird metric 32',
    'blackhole 10.244.2.0/26 proto bird metric 1024',
    'blackhole 10.244.3.0/26 proto 80',
    'blackhole 10.9.0.0/16 proto bird',
    'blackhole fd00:244:1::/122 proto bird metric 1024',
  ]);
  expect(removeLeftOverRoutes(netlink, pools, true)).toBe(0);
  expect(routes()).toEqual([
    'blackhole 10.244.1.0/26 proto bird metric 32',
    'blackhole 10.244.3.0/26 proto 80',
    'blackhole 10.9.0.0/16 proto bird',
  ]);
  netlink.close();
});
