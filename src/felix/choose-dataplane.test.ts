import { expect, test } from 'bun:test';
import { chooseDataplane } from './choose-dataplane.ts';

const good = () => ({ ok: true }) as const;
const bad = () => ({ ok: false, reason: 'no family ip' }) as const;

test('what was asked for is followed, Auto goes by the kernel', () => {
  expect(chooseDataplane('Enabled', bad).name).toBe('nftables');
  expect(chooseDataplane('Disabled', good).name).toBe('iptables');
  expect(chooseDataplane('Auto', good).name).toBe('nftables');
  expect(chooseDataplane('Auto', bad)).toMatchObject({
    name: 'iptables',
    reason: expect.stringContaining('no family ip'),
  });
});
