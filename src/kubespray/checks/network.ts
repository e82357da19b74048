/** Checks of ranges, encapsulation, backend, cloud, MTU. */
import {
  cidrContains,
  cidrCovers,
  cidrSize,
  cidrsOverlap,
  tryParseAddress,
  tryParseCidr,
} from '../../ip/index.ts';
import type { Finding } from '../cluster-plan.ts';
import { isMapping, text } from '../values/value.ts';
import { type Check, finding, listHosts } from './check.ts';

/** Ranges of pools, services and hosts. */
export const ranges: Check = ({ view, plan, settings }) => {
  const findings: Finding[] = [];
  const first = view.first();
  const nodes = plan.hosts.filter((host) => host.runsNode).length;
  for (const pool of plan.pools) {
    const cidr = tryParseCidr(pool.cidr);
    if (!cidr) {
      findings.push(
        finding('error', 'pool-range', `the pool ${pool.name} has the range '${pool.cidr}', which is none`, {
          cure: 'Write ADDRESS/PREFIX.',
          at: [view, first, 'calico_pool_cidr'],
        }),
      );
      continue;
    }
    for (const service of settings.serviceCidrs) {
      const range = tryParseCidr(service);
      const alreadySaid = range && cidrCovers(range, cidr);
      if (range && cidrsOverlap(range, cidr) && !alreadySaid)
        findings.push(
          finding('error', 'ranges-overlap', `the pool ${pool.cidr} overlaps the service range ${service}`, {
            cure: 'Choose ranges that do not overlap.',
            at: [view, first, 'kube_service_addresses'],
          }),
        );
    }
    const inside = plan.hosts.filter((host) => {
      const address = tryParseAddress(host.address);
      return address && address.version === cidr.version && cidrContains(cidr, address);
    });
    if (inside.length > 0)
      findings.push(
        finding(
          'error',
          'hosts-in-pool',
          `${listHosts(inside.map((one) => one.name))}: the host address lies inside the pool ${pool.cidr}`,
          { cure: 'Choose another range for pods.', hosts: inside.map((one) => one.name) },
        ),
      );
    const [low, high] = cidr.version === 4 ? [20, 32] : [116, 128];
    if (pool.blockSize < Math.max(low, cidr.prefix) || pool.blockSize > high)
      findings.push(
        finding(
          'error',
          'block-size',
          `the block size ${pool.blockSize} of pool ${pool.name} must be between ${Math.max(low, cidr.prefix)} and ${high}`,
          {
            cure: "Set calico_pool_blocksize (26 is Calico's own default).",
            at: [view, first, 'calico_pool_blocksize'],
          },
        ),
      );
    else {
      const blocks = cidrSize(cidr) >> BigInt((cidr.version === 4 ? 32 : 128) - pool.blockSize);
      if (blocks < BigInt(nodes))
        findings.push(
          finding(
            'warning',
            'pool-small',
            `the pool ${pool.cidr} has ${blocks} blocks of /${pool.blockSize} for ${nodes} hosts: some hosts must borrow addresses`,
            { cure: 'Enlarge the pool, or make the blocks smaller.', at: [view, first, 'calico_pool_cidr'] },
          ),
        );
    }
  }
  return findings;
};

/** Encapsulation, backend and what does not fit together. */
export const encapsulation: Check = ({ view, plan, settings }) => {
  const findings: Finding[] = [];
  const first = view.first();
  const pool = plan.pools[0];
  const cloud = view.text(first, 'cloud_provider') ?? '';
  if (pool && pool.ipipMode !== 'Never' && settings.backend !== 'bird')
    findings.push(
      finding(
        'warning',
        'ipip-without-bird',
        `calico_ipip_mode is ${pool.ipipMode} but the backend is ${settings.backend}: no tunnel will be used`,
        {
          cure: 'Set calico_ipip_mode: Never, or calico_network_backend: bird.',
          at: [view, first, 'calico_network_backend'],
        },
      ),
    );
  if (pool && pool.vxlanMode === 'Never' && settings.backend === 'vxlan')
    findings.push(
      finding(
        'error',
        'vxlan-without-pool',
        'calico_network_backend is vxlan but calico_vxlan_mode is Never: nothing carries packets between hosts',
        {
          cure: 'Set calico_vxlan_mode: Always (or CrossSubnet).',
          at: [view, first, 'calico_network_backend'],
        },
      ),
    );
  if (settings.backend === 'none')
    findings.push(
      finding(
        'note',
        'backend-none',
        'calico_network_backend is none: Calico enforces policy only; something else must route between hosts',
        { at: [view, first, 'calico_network_backend'] },
      ),
    );
  const { clusterIPs, externalIPs, loadBalancerIPs } = settings.advertised;
  if (settings.backend !== 'bird' && clusterIPs.length + externalIPs.length + loadBalancerIPs.length > 0)
    findings.push(
      finding(
        'warning',
        'advertise-without-bgp',
        `service addresses are to be advertised but the backend is ${settings.backend}: no BGP runs, nothing is announced`,
        {
          cure: 'Set calico_network_backend: bird, or remove the advertisement.',
          at: [view, first, 'calico_advertise_cluster_ips'],
        },
      ),
    );
  if (!view.since('2.15') && [pool?.ipipMode, pool?.vxlanMode].includes('CrossSubnet'))
    findings.push(
      finding(
        'note',
        'cross-subnet',
        'Kubespray up to 2.14 registers node addresses as /32, so CrossSubnet would tunnel everything; here the subnet is taken from the interface',
      ),
    );
  if (!view.since('2.20') && view.flag(first, 'peer_with_router') && view.flag(first, 'nat_outgoing'))
    findings.push(
      finding(
        'note',
        'nat-off',
        'peer_with_router disables outgoing NAT in this release; routers must route or NAT pods',
        { at: [view, first, 'peer_with_router'] },
      ),
    );
  if (
    view.text(first, 'kube_proxy_mode') === 'nftables' &&
    view.text(first, 'calico_nftable_mode') !== 'Enabled'
  )
    findings.push(
      finding('error', 'nftables', 'kube_proxy_mode nftables needs calico_nftable_mode Enabled', {
        cure: 'Set calico_nftable_mode: Enabled.',
        at: [view, first, 'kube_proxy_mode'],
      }),
    );
  if (settings.cloudDefault)
    findings.push(
      finding(
        'note',
        'cloud-ipip',
        `cloud_provider is ${cloud} and no encapsulation is set: IP in IP Always, as the document says`,
        { at: [view, first, 'cloud_provider'] },
      ),
    );
  else if (cloud !== '' && pool && pool.ipipMode !== 'Always')
    findings.push(
      finding(
        'warning',
        'cloud-ipip',
        `cloud_provider is ${cloud}: the document says that calico is then "always configured with calico_ipip_mode: Always"; the inventory's own choice is honoured`,
        { at: [view, first, 'calico_ipip_mode'] },
      ),
    );
  const ipip = plan.encapsulation.kind === 'ipip';
  if (cloud === 'openstack' && ipip)
    findings.push(
      finding(
        'warning',
        'openstack-rules',
        'OpenStack drops IP in IP unless the security groups allow protocol 4',
        {
          cure: 'neutron security-group-rule-create --protocol 4 --direction egress GROUP; neutron security-group-rule-create --protocol 4 --direction ingress GROUP (the document writes "igress" by mistake)',
        },
      ),
    );
  if (cloud === 'gce' && ipip)
    findings.push(
      finding('warning', 'gce-rule', 'GCE drops IP in IP unless a firewall rule allows it', {
        cure: 'gcloud compute firewall-rules create calico-ipip --allow ipip,tcp:179 --network NETWORK --source-ranges HOST-RANGE',
      }),
    );
  if (plan.encapsulation.kind === 'vxlan')
    findings.push(
      finding(
        'note',
        'vxlan-checksum',
        'if large transfers across VXLAN stall, the network card computes wrong checksums: ethtool -K vxlan.calico tx-checksum-ip-generic off',
      ),
    );
  return findings;
};

/** MTU: text that the CNI configuration ignores, values that do not leave room for the tunnel's header. */
export const mtu: Check = ({ view, plan }) => {
  const findings: Finding[] = [];
  const asText = view.cluster().filter((host) => typeof view.value(host, 'calico_mtu') === 'string');
  if (asText.length > 0)
    findings.push(
      finding(
        'warning',
        'mtu-text',
        `calico_mtu is a string on ${listHosts(asText)}: the CNI configuration ignores it, only the tunnel uses it`,
        {
          cure: 'Write the number without quotation marks.',
          hosts: asText,
          at: [view, asText[0], 'calico_mtu'],
        },
      ),
    );
  const first = view.first();
  if (view.value(first, 'calico_veth_mtu') !== undefined && view.value(first, 'calico_mtu') === undefined)
    findings.push(
      finding(
        'warning',
        'mtu-veth',
        'calico_veth_mtu alone sets neither the MTU of pods nor that of tunnels',
        { cure: 'Set calico_mtu as well.', at: [view, first, 'calico_veth_mtu'] },
      ),
    );
  const overhead = plan.encapsulation.kind === 'ipip' ? 20 : plan.encapsulation.kind === 'vxlan' ? 50 : 0;
  const value = view.value(first, 'calico_mtu');
  if (typeof value === 'number' && value > 1500 - overhead && value <= 1500)
    findings.push(
      finding(
        'warning',
        'mtu-large',
        `calico_mtu ${value} leaves no room for the ${overhead} bytes of ${plan.encapsulation.kind} on links of 1500`,
        {
          cure: `Set calico_mtu: ${1500 - overhead}, or raise the MTU of the links.`,
          at: [view, first, 'calico_mtu'],
        },
      ),
    );
  return findings;
};

/** Environment that hides or contradicts something. */
export const environment: Check = ({ view, settings }) => {
  const findings: Finding[] = [];
  const first = view.first();
  const extra = view.value(first, 'calico_node_extra_envs');
  if (!isMapping(extra)) return findings;
  for (const [name, value] of extra) {
    if (text(value).includes('"'))
      findings.push(
        finding(
          'warning',
          'extra-env-quote',
          `calico_node_extra_envs.${name} contains a quotation mark: Kubespray's manifest becomes invalid YAML (here it is kept)`,
          { cure: 'Leave the quotation mark out.', at: [view, first, 'calico_node_extra_envs'] },
        ),
      );
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      findings.push(
        finding(
          'error',
          'extra-env-name',
          `calico_node_extra_envs: '${name}' is not a name of an environment variable`,
          { cure: 'Use letters, digits and "_".', at: [view, first, 'calico_node_extra_envs'] },
        ),
      );
  }
  if (extra.has('CALICO_ADVERTISE_CLUSTER_IPS') && settings.advertised.clusterIPs.length > 0)
    findings.push(
      finding(
        'warning',
        'advertise-hidden',
        'CALICO_ADVERTISE_CLUSTER_IPS hides serviceClusterIPs of the BGPConfiguration',
        { cure: 'Remove it from calico_node_extra_envs.', at: [view, first, 'calico_node_extra_envs'] },
      ),
    );
  return findings;
};
