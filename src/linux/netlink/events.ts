/** What changes in the network configuration of a namespace, as it happens. */
import type { Namespace } from '../netns/index.ts';
import { addressType, type InterfaceAddress, readAddress } from './address.ts';
import { type Link, linkType, readLink } from './link.ts';
import type { Message } from './message.ts';
import {
  type ForwardingEntry,
  type Neighbour,
  neighbourType,
  readForwarding,
  readNeighbour,
} from './neighbour.ts';
import { type Route, readRoute, routeType } from './route.ts';
import { family, NetlinkSocket } from './socket.ts';

/** A change. `gone`: the object was deleted; otherwise it is new or different. */
export type NetworkEvent =
  | { readonly type: 'link'; readonly gone: boolean; readonly link: Link }
  | { readonly type: 'address'; readonly gone: boolean; readonly address: InterfaceAddress }
  | { readonly type: 'route'; readonly gone: boolean; readonly route: Route }
  | { readonly type: 'neighbour'; readonly gone: boolean; readonly neighbour: Neighbour }
  | { readonly type: 'forwarding'; readonly gone: boolean; readonly entry: ForwardingEntry };

const group = { link: 1, neighbour: 3, address4: 5, route4: 7, address6: 9, route6: 11 } as const;

/** What to hear; links are always included. */
export interface WatchNetworkOptions {
  readonly namespace?: Namespace;
  readonly addresses?: boolean;
  readonly routes?: boolean;
  readonly neighbours?: boolean;
  readonly onEvent: (event: NetworkEvent) => void;
  /** The kernel dropped events: read everything again. */
  readonly onOverrun: () => void;
}

/** Subscribes; the returned function ends the subscription. */
export function watchNetwork(options: WatchNetworkOptions): () => void {
  const groups: number[] = [group.link];
  if (options.addresses) groups.push(group.address4, group.address6);
  if (options.routes) groups.push(group.route4, group.route6);
  if (options.neighbours) groups.push(group.neighbour);
  const socket = new NetlinkSocket(family.route, {
    ...(options.namespace ? { namespace: options.namespace } : {}),
    groups,
    receiveBuffer: 8 << 20,
  });
  socket.listen((message) => {
    const event = readEvent(message);
    if (event) options.onEvent(event);
  }, options.onOverrun);
  return () => socket.close();
}

function readEvent(message: Message): NetworkEvent | undefined {
  switch (message.type) {
    case linkType.new:
    case linkType.delete:
      return { type: 'link', gone: message.type === linkType.delete, link: readLink(message) };
    case addressType.new:
    case addressType.delete:
      return { type: 'address', gone: message.type === addressType.delete, address: readAddress(message) };
    case routeType.new:
    case routeType.delete: {
      const route = readRoute(message);
      return route && { type: 'route', gone: message.type === routeType.delete, route };
    }
    case neighbourType.new:
    case neighbourType.delete: {
      const gone = message.type === neighbourType.delete;
      const entry = readForwarding(message);
      if (entry) return { type: 'forwarding', gone, entry };
      const neighbour = readNeighbour(message);
      return neighbour?.address ? { type: 'neighbour', gone, neighbour } : undefined;
    }
    default:
      return undefined;
  }
}
