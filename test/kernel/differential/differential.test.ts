/** Evaluator and kernel agree on every packet. A long run: `npm run t -- test/kernel/differential` with CALICO_STATES and CALICO_SEED set. */
import { describe, expect, test } from 'bun:test';
import { runDifferential } from './differential.ts';

const states = Number(process.env['CALICO_STATES'] ?? 12);
const seed = Number(process.env['CALICO_SEED'] ?? 1);
const packetsPerState = 100;

describe('the evaluator and the kernel agree on random policies and packets', () => {
  test.each([
    ['nftables', 'nft', 'nft'],
    ['iptables-legacy', 'iptables', 'legacy'],
    ['iptables-nft', 'iptables', 'nft'],
  ] as const)(
    '%s',
    async (_, dataplane, variant) => {
      const { verdicts, allowed, differences } = await runDifferential({
        dataplane,
        variant,
        seed,
        states,
        packetsPerState,
      });
      expect(differences).toEqual([]);
      expect(verdicts).toBe(states * packetsPerState);
      // A run in which everything has one verdict proves little.
      expect(allowed).toBeGreaterThan(verdicts / 10);
      expect(allowed).toBeLessThan((verdicts * 9) / 10);
    },
    120_000 + states * 5_000,
  );
});
