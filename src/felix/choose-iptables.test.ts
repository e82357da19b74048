import { describe, expect, test } from 'bun:test';
import { pickVariant } from './choose-iptables.ts';

describe('which iptables', () => {
  const tables = (mangle: string, rules = 0) => ({
    mangle,
    filter: '-A INPUT -j DROP\n'.repeat(rules),
    nat: '',
  });
  const hint = ':KUBE-IPTABLES-HINT - [0:0]\n';
  const canary = ':KUBE-KUBELET-CANARY - [0:0]\n';
  const rows = [
    ['the hint in nft', { nft: tables(hint), legacy: tables(canary, 9) }, 'nft'],
    ['the hint in legacy', { nft: tables('', 9), legacy: tables(canary) }, 'legacy'],
    ['more rules', { nft: tables('', 2), legacy: tables('', 1) }, 'nft'],
    ['a tie', { nft: tables('', 1), legacy: tables('', 1) }, 'legacy'],
    ['legacy does not work or is not loaded', { nft: tables('') }, 'nft'],
    ['nft does not work', { legacy: tables('') }, 'legacy'],
    ['nothing is known', {}, 'legacy'],
  ] as const;
  for (const [name, saved, expected] of rows) test(name, () => expect(pickVariant(saved)).toBe(expected));
});
