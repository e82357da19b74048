import { describe, expect, test } from 'bun:test';
import { detectMtus, type MtuEncapsulation } from './mtu.ts';
import { checksumOffloadBroken, vxlanMac } from './tunnel-device.ts';

describe('MTUs', () => {
  const settings = {
    pattern: '^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)',
    ipip: 0,
    vxlan: 0,
    vxlanV6: 0,
  };
  const none: MtuEncapsulation = { ipip: false, vxlan: false, vxlanV6: false };
  const host = (mtu: number) => [
    { name: 'lo', up: true, mtu: 65536 },
    { name: 'eth0', up: true, mtu },
    { name: 'eth1', up: false, mtu: 576 },
    { name: 'cali1', up: true, mtu: 1000 },
  ];
  const rows: readonly [string, number, Partial<MtuEncapsulation>, Partial<typeof settings>, number][] = [
    ['none', 1500, {}, {}, 1500],
    ['IPIP', 1500, { ipip: true }, {}, 1480],
    ['VXLAN', 1500, { vxlan: true }, {}, 1450],
    ['VXLAN on IPv6', 1500, { vxlanV6: true }, {}, 1430],
    ['both: the smaller', 1500, { ipip: true, vxlan: true }, {}, 1450],
    ['jumbo frames', 9000, { vxlan: true }, {}, 8950],
    ['jumbo frames, IPIP', 9000, { ipip: true }, {}, 8980],
    ['set explicitly', 1500, { vxlan: true }, { vxlan: 1400 }, 1400],
    ['set but off', 1500, {}, { vxlan: 1400 }, 1500],
  ];
  for (const [name, mtu, encapsulation, change, pod] of rows) {
    test(`${name} on ${mtu}`, () => {
      expect(detectMtus(host(mtu), { ...settings, ...change }, { ...none, ...encapsulation }).pod).toBe(pod);
    });
  }
  test('no interface matches', () => {
    expect(detectMtus([{ name: 'bond0', up: true, mtu: 1500 }], settings, none).pod).toBe(1460);
  });
});

test('VXLAN hardware addresses are upstream’s', () => {
  expect(vxlanMac('node1', 4)).toMatch(/^66(:[0-9a-f]{2}){5}$/);
  expect(vxlanMac('node1', 4)).not.toBe(vxlanMac('node1', 6));
});

describe('checksum offload of VXLAN devices', () => {
  const rows: readonly [string | undefined, string, boolean][] = [
    [undefined, '4.18.0-553.el8', true],
    [undefined, '5.4.0-150-generic', true],
    [undefined, '5.7.0', true],
    [undefined, '5.7.1', false],
    [undefined, '6.1.0-18-amd64', false],
    ['true', '6.1.0', true],
    ['false', '5.4.0', false],
  ];
  for (const [override, release, broken] of rows) {
    test(`${release}, override ${override}`, () =>
      expect(checksumOffloadBroken(override, release)).toBe(broken));
  }
});
