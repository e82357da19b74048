/** The settings of the whole cluster, as the first control-plane host's variables make them. */
import { formatCidr, tryParseCidr } from '../../ip/index.ts';
import type { ClusterPlan, EncapsulationMode, PoolPlan } from '../cluster-plan.ts';
import { compareVersions } from '../template/tests.ts';
import { isList, text } from '../values/value.ts';
import type { ClusterView } from './cluster-view.ts';
import { pastedAs, pastedBoolean, wholeNumber } from './numbers.ts';

/** What {@link clusterSettings} finds. */
export interface ClusterSettings {
  readonly datastore: 'etcd' | 'kdd';
  readonly backend: 'bird' | 'vxlan' | 'none';
  readonly backendSet: boolean;
  readonly mesh: boolean;
  readonly reflectors: boolean;
  readonly globalAs: number;
  readonly writeGlobalAs: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly pools: readonly PoolPlan[];
  readonly encapsulation: ClusterPlan['encapsulation'];
  readonly advertised: ClusterPlan['advertised'];
  readonly serviceCidrs: readonly string[];
  /** cloud_provider is set, no encapsulation was chosen, so IP in IP is Always as the document says. */
  readonly cloudDefault: boolean;
}

/** A mode, `Never` for what is none (a check reports it). */
function mode(value: string | undefined): EncapsulationMode {
  return value === 'Always' || value === 'CrossSubnet' ? value : 'Never';
}

/** A CIDR in canonical form; text that is none stays. */
export function canonicalCidr(value: string): string {
  const cidr = tryParseCidr(value);
  return cidr ? formatCidr(cidr) : value;
}

/** The block size; Calico before 3.3 had no such field, and 26 everywhere. */
function blockSize(view: ClusterView): number {
  const first = view.first();
  if (compareVersions(view.text(first, 'calico_version') ?? '', 'v3.3.0', '<')) return 26;
  const own = wholeNumber(view.value(first, 'calico_pool_blocksize'));
  return own ?? wholeNumber(view.value(first, 'kube_network_node_prefix')) ?? 24;
}

/** Reads the settings. */
export function clusterSettings(view: ClusterView): ClusterSettings {
  const first = view.first();
  const get = (name: string) => view.text(first, name);
  const ipv4 = view.since('2.28') ? view.flag(first, 'ipv4_stack') : true;
  const ipv6 = view.since('2.28')
    ? view.flag(first, 'ipv6_stack')
    : view.since('2.16') && view.flag(first, 'enable_dual_stack_networks');
  const backend = get('calico_network_backend');
  const encapsulationSet =
    first !== undefined &&
    ['calico_ipip_mode', 'calico_vxlan_mode', 'ipip', 'ipip_mode'].some((name) => view.isSet(first, name));
  const cloud = get('cloud_provider') ?? '';
  const cloudDefault = cloud !== '' && !encapsulationSet;
  const ipip = cloudDefault ? 'Always' : mode(get('calico_ipip_mode'));
  const vxlan = cloudDefault ? 'Never' : mode(get('calico_vxlan_mode'));
  const actualBackend = backend === 'vxlan' || backend === 'none' ? backend : 'bird';
  const pools: PoolPlan[] = [];
  const natOutgoing = view.since('2.20')
    ? pastedBoolean(view.value(first, 'nat_outgoing'))
    : view.flag(first, 'nat_outgoing') && !view.flag(first, 'peer_with_router');
  const name = get('calico_pool_name') ?? 'default-pool';
  if (ipv4)
    pools.push({
      name,
      cidr: canonicalCidr(get('calico_pool_cidr') ?? get('kube_pods_subnet') ?? ''),
      blockSize: blockSize(view),
      ipipMode: ipip,
      vxlanMode: vxlan,
      natOutgoing,
    });
  if (ipv6)
    pools.push({
      name: `${name}-ipv6`,
      cidr: canonicalCidr(get('calico_pool_cidr_ipv6') ?? get('kube_pods_subnet_ipv6') ?? ''),
      blockSize: wholeNumber(view.value(first, 'calico_pool_blocksize_ipv6')) ?? 122,
      ipipMode: mode(get('calico_ipip_mode_ipv6')),
      vxlanMode: mode(get('calico_vxlan_mode_ipv6')),
      natOutgoing: pastedBoolean(view.value(first, 'nat_outgoing_ipv6')),
    });
  const services = [
    ...(ipv4 ? [get('kube_service_addresses') ?? ''] : []),
    ...(ipv6 ? [get('kube_service_addresses_ipv6') ?? ''] : []),
  ].filter((one) => one !== '');
  const list = (variable: string) => {
    const value = view.value(first, variable);
    return isList(value) ? value.map(text) : [];
  };
  const globalAs = pastedAs(view.value(first, 'global_as_num') ?? '64512');
  const reflectors = view.flag(first, 'peer_with_calico_rr');
  const playFirst = view.playFirst();
  const noMesh = view.flag(playFirst, 'peer_with_router') || view.flag(playFirst, 'peer_with_calico_rr');
  const effective = pools[0] ?? { ipipMode: 'Never', vxlanMode: 'Never' };
  return {
    datastore: get('calico_datastore') === 'kdd' ? 'kdd' : 'etcd',
    backend: actualBackend,
    backendSet: backend !== undefined,
    mesh: !noMesh,
    reflectors,
    globalAs: globalAs.kind === 'number' ? globalAs.number : 64_512,
    writeGlobalAs: !view.flag(first, 'calico_no_global_as_num'),
    ipv4,
    ipv6,
    pools,
    encapsulation:
      effective.ipipMode !== 'Never' && actualBackend === 'bird'
        ? { kind: 'ipip', mode: effective.ipipMode }
        : effective.vxlanMode !== 'Never' && actualBackend !== 'none'
          ? { kind: 'vxlan', mode: effective.vxlanMode }
          : { kind: 'none', mode: 'Never' },
    advertised: {
      clusterIPs: view.flag(first, 'calico_advertise_cluster_ips') ? services : [],
      externalIPs: view.since('2.15') ? list('calico_advertise_service_external_ips') : [],
      loadBalancerIPs: view.since('2.16') ? list('calico_advertise_service_loadbalancer_ips') : [],
    },
    serviceCidrs: services,
    cloudDefault,
  };
}
