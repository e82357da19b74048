/**
 * The pod's network in the kernel: a veth pair, addresses as /32 and /128, a default route through an address that the
 * host answers for, and the host's route to each address. Upstream: cni-plugin/pkg/dataplane/linux.
 */
import {
  interfaceIndex,
  isKernelError,
  type Namespace,
  protocol,
  RtNetlink,
  scope,
  writeSysctl,
} from '../../linux/index.ts';
import { CniError, cniCode } from '../protocol/cni-error.ts';
import type { ResultRoute } from '../protocol/result.ts';
import { removeHostLink } from './link-removal.ts';
import { namespaceProblem, openPodNamespace } from './namespace-file.ts';

/** What the pod's network is to be. */
export interface PodNetwork {
  readonly netns: string;
  readonly ifName: string;
  readonly hostName: string;
  readonly mac: string;
  /** 0: the kernel's default. */
  readonly mtu: number;
  readonly queues: number;
  /** Without prefix. */
  readonly addresses: readonly string[];
  readonly routes: readonly ResultRoute[];
  readonly allowIpForwarding: boolean;
}

/** MAC of every host side, so that the pods' neighbour entries outlive a new pair. */
const hostMac = 'ee:ee:ee:ee:ee:ee';
const hostLinkLocal = 'fe80::ecee:eeff:feee:eeee';
const gateway4 = '169.254.1.1';

const attempts = 100;
const pauseMs = 5;

/** Makes the network. A pair with the host name is replaced; what it made is gone again when it throws. @throws CniError */
export async function setUpPodNetwork(wanted: PodNetwork): Promise<void> {
  const namespace = openPodNamespace(wanted.netns);
  const host = new RtNetlink();
  try {
    const pod = new RtNetlink({ namespace });
    try {
      await build(wanted, host, pod, namespace);
    } finally {
      pod.close();
    }
  } catch (error) {
    if (!(isKernelError(error, 'EEXIST') && error.message.includes('veth'))) throw error;
    // The interface exists inside: upstream's library passes on the kernel's word alone.
    throw new CniError(cniCode.other, 'file exists');
  } finally {
    host.close();
    namespace.close();
  }
}

async function build(
  wanted: PodNetwork,
  host: RtNetlink,
  pod: RtNetlink,
  namespace: Namespace,
): Promise<void> {
  const { hostName, ifName, mtu, mac } = wanted;
  const v4 = wanted.addresses.some((address) => !address.includes(':'));
  const v6 = wanted.addresses.some((address) => address.includes(':'));
  host.deleteLink(hostName);
  const size = { ...(mtu > 0 ? { mtu } : {}), ...(wanted.queues > 1 ? { queues: wanted.queues } : {}) };
  const peer = { name: ifName, namespaceFd: namespace.fd, mac, ...size };
  const { index } = host.addLink(hostName, { kind: 'veth', peer }, { mac: hostMac, ...size });
  try {
    hostSysctls(hostName, v4, v6);
    if (v6) namespace.run(() => podV6Sysctls(ifName));
    host.setLink(index, { up: true });
    pod.setLink(ifName, { up: true });
    const inside = pod.requireLink(ifName).index;
    const through = (gateway?: string) => ({
      hops: [{ oif: inside, ...(gateway === undefined ? {} : { gateway }) }],
      protocol: protocol.boot,
    });
    if (v4) pod.addRoute({ dst: `${gateway4}/32`, ...through(), scope: scope.link });
    if (v6) await hostLinkLocalUp(host, index);
    for (const address of wanted.addresses) pod.addAddress(inside, hostCidr(address));
    for (const { dst } of wanted.routes) {
      const gateway = dst.includes(':') ? hostLinkLocal : gateway4;
      if (dst.includes(':') ? v6 : v4) pod.addRoute({ dst, ...through(gateway) });
    }
    namespace.run(() => podForwarding(v4, v6, wanted.allowIpForwarding));
    for (const address of wanted.addresses) addHostRoute(host, index, hostName, hostCidr(address));
  } catch (error) {
    host.deleteLink(index);
    throw error;
  }
}

function addHostRoute(host: RtNetlink, index: number, hostName: string, dst: string): void {
  const version = dst.includes(':') ? 6 : 4;
  const route = { dst, hops: [{ oif: index }], ...(version === 4 ? { scope: scope.link } : {}) };
  try {
    host.addRoute(route);
  } catch (error) {
    if (!isKernelError(error, 'EEXIST')) throw error;
    const existing = host.routes(version).find((one) => one.dst === dst);
    const oif = existing?.hops[0]?.oif;
    if (oif === index) return;
    throw new CniError(
      cniCode.other,
      `route (Ifindex: ${oif ?? 0}, Dst: ${dst}, Scope: ${existing?.scope ?? 0}) already exists for an interface other than '${hostName}'`,
    );
  }
}

function hostSysctls(name: string, v4: boolean, v6: boolean): void {
  if (v4) {
    writeSysctl(`net/ipv4/conf/${name}/route_localnet`, 1);
    writeSysctl(`net/ipv4/neigh/${name}/proxy_delay`, 0);
    writeSysctl(`net/ipv4/conf/${name}/proxy_arp`, 1);
    writeSysctl(`net/ipv4/conf/${name}/forwarding`, 1);
  }
  if (v6) {
    writeSysctl(`net/ipv6/conf/${name}/accept_dad`, 0);
    writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
    writeSysctl(`net/ipv6/conf/${name}/proxy_ndp`, 1);
    writeSysctl(`net/ipv6/conf/${name}/forwarding`, 1);
  }
  writeSysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
}

/** Runs inside the pod's namespace, whose parameters /proc/sys then shows. */
function podV6Sysctls(ifName: string): void {
  writeSysctl(`net/ipv6/conf/${ifName}/accept_dad`, 0);
  for (const name of ['all', 'default', 'lo']) writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
}

/** Runs inside the pod's namespace. */
function podForwarding(v4: boolean, v6: boolean, allowed: boolean): void {
  const value = allowed ? 1 : 0;
  if (v4) writeSysctl('net/ipv4/ip_forward', value);
  if (v6) writeSysctl('net/ipv6/conf/all/forwarding', value);
}

/** The pod's IPv6 gateway is the host side's link-local address, which the kernel gives it once both ends are up. */
async function hostLinkLocalUp(host: RtNetlink, index: number): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const addresses = host.addresses({ version: 6, link: index });
    if (addresses.some(({ address }) => address.startsWith(`${hostLinkLocal}/`))) return;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new CniError(cniCode.other, `failed to get the link-local address ${hostLinkLocal} on the host side`);
}

function hostCidr(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/**
 * Removes the pair by its host side, where `hostName` gives it, and the interface in the pod's namespace if it is (still)
 * there. When it resolves both are unregistered and the host's routes through them are gone. Missing things are fine.
 * @throws CniError when the path is a file that is no namespace
 */
export async function tearDownPodNetwork(pod: {
  readonly netns: string;
  readonly ifName: string;
  readonly hostName?: string;
}): Promise<void> {
  if (pod.hostName !== undefined) await removeHostLink(pod.hostName);
  if (pod.netns === '') return;
  const problem = namespaceProblem(pod.netns);
  if (problem === undefined) await removeInside(pod.netns, pod.ifName);
  else if (!problem.missing) throw new CniError(cniCode.other, `failed to enter netns: ${problem.message}`);
}

async function removeInside(netns: string, ifName: string): Promise<void> {
  const namespace = openPodNamespace(netns);
  let net: RtNetlink | undefined;
  try {
    // To ask by netlink would wait until the kernel is done with the pair that has just gone.
    if (namespace.run(() => interfaceIndex(ifName)) === undefined) return;
    net = new RtNetlink({ namespace });
    await net.deleteLinkAsync(ifName);
  } finally {
    net?.close();
    namespace.close();
  }
}

/** What is missing of a pod's network, in words; empty when it is whole. */
export function checkPodNetwork(wanted: Omit<PodNetwork, 'mac' | 'mtu' | 'queues'>): readonly string[] {
  const problem = namespaceProblem(wanted.netns);
  if (problem) return [problem.message];
  const findings: string[] = [];
  const namespace = openPodNamespace(wanted.netns);
  const host = new RtNetlink();
  const pod = new RtNetlink({ namespace });
  try {
    const inside = pod.link(wanted.ifName);
    const outside = host.link(wanted.hostName);
    if (!inside) findings.push(`there is no interface ${wanted.ifName} in ${wanted.netns}`);
    if (!outside) findings.push(`there is no interface ${wanted.hostName} on the host`);
    const has = new Set(inside ? pod.addresses({ link: inside.index }).map(({ address }) => address) : []);
    for (const address of wanted.addresses) {
      const cidr = hostCidr(address);
      if (inside && !has.has(cidr)) findings.push(`${wanted.ifName} lacks the address ${cidr}`);
      const version = address.includes(':') ? 6 : 4;
      const route = host.routes(version).find(({ dst }) => dst === cidr);
      if (outside && route?.hops[0]?.oif !== outside.index) {
        findings.push(`the host has no route to ${cidr} through ${wanted.hostName}`);
      }
    }
    for (const { dst } of wanted.routes) {
      const version = dst.includes(':') ? 6 : 4;
      const reachable = wanted.addresses.some((address) => address.includes(':') === (version === 6));
      if (inside && reachable && !pod.routes(version).some((route) => route.dst === dst)) {
        findings.push(`${wanted.netns} has no route to ${dst}`);
      }
    }
  } finally {
    pod.close();
    host.close();
    namespace.close();
  }
  return findings;
}
