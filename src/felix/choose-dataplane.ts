/** Which packet filter the agent uses. */
import { type Fact, probeNft } from '../linux/index.ts';
import type { FelixConfig } from './config/index.ts';
import type { RuleDataplane } from './dataplane.ts';

/** The choice, with its reason for the log. */
export interface DataplaneChoice {
  readonly name: RuleDataplane['name'];
  readonly reason: string;
}

/**
 * `Enabled` and `Disabled` are followed. `Auto` (the default) takes nftables unless this kernel's cannot hold our
 * tables; upstream's `Auto` takes iptables unless kube-proxy uses nftables, as its nftables came late.
 */
export function chooseDataplane(
  mode: FelixConfig['NFTablesMode'],
  probe: () => Fact = probeNft,
): DataplaneChoice {
  if (mode === 'Enabled') return { name: 'nftables', reason: 'NFTablesMode is Enabled' };
  if (mode === 'Disabled') return { name: 'iptables', reason: 'NFTablesMode is Disabled' };
  const fact = probe();
  return fact.ok
    ? { name: 'nftables', reason: 'this kernel has it' }
    : { name: 'iptables', reason: `this kernel's nftables cannot be used: ${fact.reason}` };
}
