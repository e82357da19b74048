/** Checks that need facts of the hosts themselves: whoever has read them (deploy, a facts file) asks here. Pure. */
import {
  formatAddress,
  formatCidr,
  maskAddress,
  tryParseAddress,
  tryParseInterfaceAddress,
} from '../../ip/index.ts';
import type { ClusterPlan, Finding, HostPlan } from '../cluster-plan.ts';
import { finding } from './check.ts';

/** What was read on a host; what is unknown is left out. */
export interface HostFacts {
  readonly interfaces?: readonly {
    readonly name: string;
    readonly mtu?: number;
    /** With their prefixes. */
    readonly addresses: readonly string[];
  }[];
  /** net.ipv4.conf.all.rp_filter */
  readonly rpFilter?: number;
  /** What `iptables --version` says in brackets. */
  readonly iptables?: 'nft' | 'legacy';
  readonly networkManager?: boolean;
}

const rpfText =
  "Kernel's RPF check is set to 'loose'.  This would allow endpoints to spoof their IP address.  Calico requires net.ipv4.conf.all.rp_filter to be set to 0 or 1. If you require loose RPF and you are not concerned about spoofing, this check can be disabled by setting the IgnoreLooseRPF configuration parameter to 'true'.";

/** Findings of every host whose facts are known. */
export function checkHostFacts(plan: ClusterPlan, facts: ReadonlyMap<string, HostFacts>): readonly Finding[] {
  return plan.hosts.flatMap((host) => {
    const known = facts.get(host.name);
    return known && host.runsNode ? checkHost(plan, host, known) : [];
  });
}

function checkHost(plan: ClusterPlan, host: HostPlan, facts: HostFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const hosts = [host.name];
  const environment = new Map(host.environment.map((one) => [one.name, one.value]));
  const link = addressOf(host, facts);
  if (facts.interfaces && !link)
    findings.push(
      finding('error', 'address-missing', `${host.name} has no interface with the address ${host.address}`, {
        cure: 'Correct ip, or configure the address on the host.',
        hosts,
      }),
    );
  if (link && link.subnet !== host.subnet)
    findings.push(
      finding(
        'note',
        'subnet',
        `node ${host.name} has no subnet in the inventory; detected ${link.subnet} on ${link.name}, using it`,
        { hosts },
      ),
    );
  if (facts.rpFilter !== undefined && facts.rpFilter > 1) {
    const ignored = environment.get('FELIX_IGNORELOOSERPF')?.toLowerCase() === 'true';
    findings.push(
      finding(ignored ? 'warning' : 'error', 'rpf', rpfText, {
        cure: 'sysctl -w net.ipv4.conf.all.rp_filter=1, or calico_node_ignorelooserpf: true.',
        hosts,
      }),
    );
  }
  const backend = environment.get('FELIX_IPTABLESBACKEND');
  if (facts.iptables === 'nft' && backend === 'Legacy' && environment.get('FELIX_NFTABLESMODE') !== 'Enabled')
    findings.push(
      finding(
        'error',
        'iptables-backend',
        `host iptables is nft, calico_iptables_backend is Legacy (${host.name}): rules of both would be mixed`,
        {
          cure: 'Set calico_iptables_backend: Auto.',
          hosts,
        },
      ),
    );
  if (facts.networkManager)
    findings.push(
      finding(
        'warning',
        'network-manager',
        `NetworkManager is active on ${host.name} and may take Calico's interfaces`,
        {
          cure: 'Write /etc/NetworkManager/conf.d/calico.conf: [keyfile] unmanaged-devices+=interface-name:cali*;interface-name:tunl*;interface-name:vxlan.calico',
          hosts,
        },
      ),
    );
  const overhead = { none: 0, ipip: 20, vxlan: 50 }[plan.encapsulation.kind];
  if (link?.mtu !== undefined && host.cniMtu !== null && host.cniMtu > link.mtu - overhead)
    findings.push(
      finding(
        'error',
        'mtu-link',
        `calico_mtu ${host.cniMtu} does not fit ${link.name} of ${host.name}: MTU = link − ${overhead} = ${link.mtu - overhead}`,
        {
          cure: `Set calico_mtu: ${link.mtu - overhead}.`,
          hosts,
        },
      ),
    );
  return findings;
}

/** The interface that has the host's address, with its subnet. */
function addressOf(
  host: HostPlan,
  facts: HostFacts,
): { readonly name: string; readonly mtu: number | undefined; readonly subnet: string } | undefined {
  const wanted = tryParseAddress(host.address);
  if (!wanted) return undefined;
  for (const { name, mtu, addresses } of facts.interfaces ?? []) {
    for (const one of addresses) {
      const parsed = tryParseInterfaceAddress(one);
      if (!parsed || formatAddress(parsed.address) !== formatAddress(wanted)) continue;
      return {
        name,
        mtu,
        subnet: formatCidr({ ...maskAddress(parsed.address, parsed.prefix), prefix: parsed.prefix }),
      };
    }
  }
  return undefined;
}
