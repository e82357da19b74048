/** What a border router learned, as its software tells it, and what of it Calico must not have told. Pure. */
import { type Cidr, cidrContains, parseAddress, parseCidr } from '../../ip/index.ts';
import type { ClusterPlan } from '../../kubespray/index.ts';
import type { RouterSoftware } from '../protocol.ts';
import type { ExpectedPod } from './compare.ts';
import type { ReportBuilder } from './report.ts';

/** A route that a router has from a neighbour. */
export interface LearnedRoute {
  readonly cidr: string;
  /** The neighbour's address. */
  readonly from: string;
}

/** A router as it was found. */
export interface ObservedRouter {
  readonly name: string;
  readonly address: string;
  readonly routes: readonly LearnedRoute[];
  /** Why it could not be asked. */
  readonly error: string | undefined;
}

/** Reads the answer to `show bgp ipv4 unicast json` or BIRD's `show route`. */
export function parseLearned(
  software: RouterSoftware,
  text: string,
  neighbours: readonly { readonly address: string }[],
): readonly LearnedRoute[] {
  switch (software) {
    case 'frr': {
      const { routes = {} } = JSON.parse(text) as {
        readonly routes?: Readonly<Record<string, readonly { readonly peerId: string }[]>>;
      };
      return Object.entries(routes).flatMap(([cidr, paths]) =>
        paths.filter(({ peerId }) => peerId !== '(unspec)').map(({ peerId }) => ({ cidr, from: peerId })),
      );
    }
    case 'bird': {
      let cidr = '';
      return text.split('\n').flatMap((line): readonly LearnedRoute[] => {
        const found = /^(\S+)?\s+\w+ \[peer(\d+) /.exec(line);
        cidr = /^(\S+\/\d+)\s/.exec(line)?.[1] ?? cidr;
        const from = found && neighbours[Number(found[2])]?.address;
        return from ? [{ cidr, from }] : [];
      });
    }
  }
}

/**
 * Every route that a host told a router lies in a pool or is an advertised service range, and every pod is in a route of
 * its host's.
 */
export function compareExports(
  plan: ClusterPlan,
  pods: readonly ExpectedPod[],
  routers: readonly ObservedRouter[],
  builder: ReportBuilder,
): void {
  const { clusterIPs, externalIPs, loadBalancerIPs } = plan.advertised;
  const pools = plan.pools.map(({ cidr }) => parseCidr(cidr));
  const services = [...clusterIPs, ...externalIPs, ...loadBalancerIPs].map((cidr) => parseCidr(cidr));
  for (const router of routers) {
    const planned = plan.routers.find(({ address }) => address === router.address);
    for (const host of plan.hosts.filter(({ name }) => planned?.hosts.includes(name))) {
      const told = router.routes.filter(({ from }) => from === host.address).map(({ cidr }) => cidr);
      for (const cidr of told) {
        builder.expect('exports', [...pools, ...services].some(covers(parseCidr(cidr))), () => ({
          where: router.name,
          what: `route ${cidr} from ${host.name}`,
          expected: 'nothing outside the pools and the services',
          actual: 'announced',
        }));
      }
      for (const pod of pods.filter((one) => one.host === host.name)) {
        for (const address of pod.addresses.filter((one) => !one.includes(':'))) {
          const known = told.some((cidr) => cidrContains(parseCidr(cidr), parseAddress(address)));
          builder.expect('exports', known, () => ({
            where: router.name,
            what: `route to ${pod.fullName} (${address}) from ${host.name}`,
            expected: 'announced',
            actual: router.error ?? 'no route',
          }));
        }
      }
    }
  }
}

function covers(inner: Cidr): (outer: Cidr) => boolean {
  return (outer) => outer.prefix <= inner.prefix && cidrContains(outer, inner);
}
