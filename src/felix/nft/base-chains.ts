/** Where our chains hang in the kernel: those of upstream, because other tools order themselves around them. */

/** Hook and priority of a base chain. */
export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}

/** Base chains of the tables `ip calico` and `ip6 calico`. After kube-proxy's in POSTROUTING, so that its masquerade mark is used first. */
export const baseChains: ReadonlyMap<string, BaseChain> = new Map([
  ['raw-PREROUTING', { type: 'filter', hook: 'prerouting', priority: -300 }],
  ['raw-OUTPUT', { type: 'filter', hook: 'output', priority: -300 }],
  ['mangle-PREROUTING', { type: 'filter', hook: 'prerouting', priority: -150 }],
  ['mangle-INPUT', { type: 'filter', hook: 'input', priority: -150 }],
  ['mangle-FORWARD', { type: 'filter', hook: 'forward', priority: -150 }],
  ['mangle-OUTPUT', { type: 'route', hook: 'output', priority: -150 }],
  ['mangle-POSTROUTING', { type: 'filter', hook: 'postrouting', priority: -150 }],
  ['nat-PREROUTING', { type: 'nat', hook: 'prerouting', priority: -100 }],
  ['nat-INPUT', { type: 'nat', hook: 'input', priority: -100 }],
  ['nat-OUTPUT', { type: 'nat', hook: 'output', priority: 110 }],
  ['nat-POSTROUTING', { type: 'nat', hook: 'postrouting', priority: 110 }],
  ['filter-INPUT', { type: 'filter', hook: 'input', priority: 0 }],
  ['filter-FORWARD', { type: 'filter', hook: 'forward', priority: 0 }],
  ['filter-OUTPUT', { type: 'filter', hook: 'output', priority: 0 }],
]);

/** The declaration of a base chain. */
export function baseChainSpec({ type, hook, priority }: BaseChain): string {
  return `{ type ${type} hook ${hook} priority ${priority}; policy accept; }`;
}
