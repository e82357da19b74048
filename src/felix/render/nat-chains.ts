/** The nat table: floating addresses, outgoing NAT, masquerade on tunnel devices. Upstream source: felix/rules/nat.go. */
import type { IpVersion } from '../../ip/index.ts';
import type { WorkloadProgram } from '../../policy/index.ts';
import type { Action, Chain, Match, Rule } from './ast.ts';
import { setName } from './names.ts';
import type { RuleSettings } from './settings.ts';

/** What the nat chains follow beside the settings. */
export interface NatContext {
  readonly version: IpVersion;
  readonly settings: RuleSettings;
  /** Some pool has natOutgoing. */
  readonly natOutgoing: boolean;
  /** Tunnel devices with an address of this version. */
  readonly tunnelDevices: readonly string[];
  readonly vxlan: boolean;
  readonly workloads: Iterable<WorkloadProgram>;
}

/** All chains of the table but the hooks. */
export function natChains(context: NatContext): readonly Chain[] {
  const jump = (chain: string): Rule => ({ match: [], actions: [{ do: 'jump', chain }] });
  const floating = floatingChains(context);
  return [
    { table: 'nat', name: 'cali-PREROUTING', rules: [jump('cali-fip-dnat')] },
    { table: 'nat', name: 'cali-OUTPUT', rules: [jump('cali-fip-dnat')] },
    {
      table: 'nat',
      name: 'cali-POSTROUTING',
      rules: [jump('cali-fip-snat'), jump('cali-nat-outgoing'), ...tunnelRules(context)],
    },
    { table: 'nat', name: 'cali-nat-outgoing', rules: outgoingRules(context) },
    { table: 'nat', name: 'cali-fip-dnat', rules: floating.dnat },
    { table: 'nat', name: 'cali-fip-snat', rules: floating.snat },
  ];
}

function outgoingRules({ version, settings, natOutgoing }: NatContext): readonly Rule[] {
  if (!natOutgoing) return [];
  const nameOf = (id: string): string => setName(id, version, settings.dataplane);
  const match: Match[] = [
    { on: 'set', side: 'source', set: nameOf('masq-ipam-pools') },
    { on: 'set', side: 'destination', set: nameOf('network-ip-pools'), not: true },
  ];
  if (settings.natExcludesHosts) {
    match.push({ on: 'set', side: 'destination', set: nameOf('all-hosts-net'), not: true });
  }
  if (settings.natOutgoingInterface !== undefined) {
    match.push({ on: 'interface', direction: 'out', name: settings.natOutgoingInterface });
  }
  const address = settings.natOutgoingAddress;
  // An address of the other version is no reason to leave this one without NAT.
  const translate = (ports?: { first: number; last: number }): Action =>
    address !== undefined && address.includes(':') === (version === 6)
      ? { do: 'snat', to: address, ...(ports ? { ports } : {}) }
      : { do: 'masquerade', ...(ports ? { ports } : {}) };
  const rules: Rule[] = [];
  if (settings.natPortRange) {
    for (const protocol of [6, 17]) {
      const only: Match = { on: 'protocol', protocol };
      rules.push({ match: [...match, only], actions: [translate(settings.natPortRange)] });
      rules.push({ match: [...match, only], actions: [{ do: 'return' }] });
    }
  }
  rules.push({ match, actions: [translate()] });
  return rules;
}

/** What the host itself sends into a tunnel must have the tunnel's address, or the answers take another way. */
function tunnelRules({ tunnelDevices, vxlan, settings }: NatContext): readonly Rule[] {
  const below = { first: 1, last: settings.vxlanPort - 1 };
  const above = { first: settings.vxlanPort + 1, last: 65535 };
  const wider = above.last - above.first >= below.last - below.first ? above : below;
  return tunnelDevices.flatMap((name): readonly Rule[] => {
    const match: readonly Match[] = [
      { on: 'interface', direction: 'out', name },
      { on: 'local', side: 'source', ofOut: true, not: true },
      { on: 'local', side: 'source' },
    ];
    const rules: Rule[] = [];
    if (vxlan) {
      // A source port that equals the VXLAN port would meet the rule that leaves tunnels untracked.
      rules.push({
        match: [...match, { on: 'protocol', protocol: 17 }],
        actions: [{ do: 'masquerade', ports: wider }],
      });
    }
    rules.push({ match, actions: [{ do: 'masquerade' }] });
    return rules;
  });
}

function floatingChains({ version, settings, workloads }: NatContext): {
  readonly dnat: readonly Rule[];
  readonly snat: readonly Rule[];
} {
  if (!settings.floatingIps) return { dnat: [], snat: [] };
  const internalOf = new Map<string, string>();
  for (const workload of workloads) {
    for (const { internal, external } of version === 4 ? workload.ipv4Nats : workload.ipv6Nats) {
      const other = internalOf.get(external);
      // Two endpoints that claim one address: the smaller wins, whatever came first.
      if (other === undefined || internal < other) internalOf.set(external, internal);
    }
  }
  const pairs = [...internalOf].sort(([a], [b]) => (a < b ? -1 : 1));
  const host = version === 4 ? 32 : 128;
  const net = (side: 'source' | 'destination', address: string): Match => ({
    on: 'nets',
    side,
    nets: [`${address}/${host}`],
  });
  return {
    dnat: pairs.map(([external, internal]) => ({
      match: [net('destination', external)],
      actions: [{ do: 'dnat', to: internal }],
    })),
    snat: pairs.map(([external, internal]) => ({
      match: [net('destination', internal), net('source', internal)],
      actions: [{ do: 'snat', to: external }],
    })),
  };
}
