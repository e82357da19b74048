import { expect, test } from 'bun:test';
import { probeKernel, RtNetlink } from '../../src/linux/index.ts';

test('the kernel is probed without leaving a trace', async () => {
  const netlink = new RtNetlink();
  const before = netlink.links();
  const facts = await probeKernel();
  expect(facts.veth).toEqual({ ok: true });
  expect(facts.bridge).toEqual({ ok: true });
  for (const fact of [facts.nft, facts.ipip, facts.vxlan, facts.iptablesLegacy, facts.ipset, facts.userns]) {
    if (!fact.ok) expect(fact.reason).not.toBe('');
  }
  expect(netlink.links()).toEqual(before);
  netlink.close();
});
