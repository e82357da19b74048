/** The networks of border routers: the one behind each, with a client in it, and the backbone that joins them. */
import { RtNetlink } from '../../linux/index.ts';
import { backbone, type LabBorderRouter, type LabClient } from '../topology.ts';
import type { Machine } from './machine.ts';

/** Connects the client to its router. */
export function connectClient(router: Machine, client: Machine, plan: LabClient): void {
  const above = new RtNetlink({ namespace: router.network });
  above.addLink(
    'clients',
    { kind: 'veth', peer: { name: 'eth0', namespaceFd: client.network.fd } },
    { up: true },
  );
  above.addAddress('clients', plan.gateway);
  above.close();
  const netlink = new RtNetlink({ namespace: client.network });
  netlink.setLink('lo', { up: true });
  netlink.setLink('eth0', { up: true });
  netlink.addAddress('eth0', plan.address);
  const { index } = netlink.requireLink('eth0');
  const gateway = plan.gateway.split('/')[0]!;
  for (const dst of plan.reaches) netlink.replaceRoute({ dst, hops: [{ oif: index, gateway }] });
  netlink.close();
}

/** Connects a router to the backbone's switch in the underlay. */
export function connectBackbone(router: Machine, plan: LabBorderRouter, underlay: RtNetlink): void {
  const bridge = underlay.requireLink(backbone.name);
  underlay.addLink(
    plan.backbone.port,
    { kind: 'veth', peer: { name: backbone.name, namespaceFd: router.network.fd } },
    { master: bridge.index, up: true },
  );
  const netlink = new RtNetlink({ namespace: router.network });
  netlink.setLink(backbone.name, { up: true });
  netlink.addAddress(backbone.name, `${plan.backbone.address}/${backbone.prefix}`);
  netlink.close();
}
