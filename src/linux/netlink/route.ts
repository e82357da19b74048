/** Routes and routing rules as rtnetlink messages. Pure. Wire format: include/uapi/linux/rtnetlink.h. */
import type { IpVersion } from '../../ip/index.ts';
import { scope } from './address.ts';
import { AF_INET, addressBytes, addressText, familyOf, splitCidr, versionOf } from './address-bytes.ts';
import { type Message, type MessageWriter, readAttributes } from './message.ts';

/** Message types of routes. */
export const routeType = { new: 24, delete: 25, get: 26 } as const;

const attribute = {
  destination: 1,
  oif: 4,
  gateway: 5,
  priority: 6,
  prefSource: 7,
  metrics: 8,
  multipath: 9,
  table: 15,
  via: 18,
} as const;
const metricMtu = 2;

/** Well-known routing tables. */
export const table = { main: 254, local: 255 } as const;

/** Who made a route. `calico` is what Felix marks its cluster routes with. */
export const protocol = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  bird: 12,
  dhcp: 16,
  calico: 80,
} as const;

const kinds = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
] as const;

/** What a route does with a packet. */
export type RouteKind = (typeof kinds)[number];

/** RTM_F_CLONED: the answer for one packet, not an entry of a table. */
const cloned = 0x200;

const flag = { dead: 1, onlink: 4, linkDown: 16 } as const;

/** A way on: through an interface, to a gateway. */
export interface NextHop {
  /** Index of the interface; 0 lets the kernel find it by the gateway. */
  readonly oif: number;
  readonly gateway?: string;
  readonly onlink?: boolean;
  /** 1 to 256; default 1. */
  readonly weight?: number;
}

/** A route. Together destination, table, priority (and type of service, always 0 here) identify it. */
export interface Route {
  /** Canonical CIDR; `0.0.0.0/0` and `::/0` are default routes. */
  readonly dst: string;
  readonly kind: RouteKind;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly priority: number;
  readonly source?: string;
  readonly mtu?: number;
  /** None for blackhole and its like; several for multipath. */
  readonly hops: readonly NextHop[];
  /** The kernel keeps the route but does not use it: an interface of it is down. */
  readonly dead?: boolean;
}

/** A route to make, with the usual left out: unicast, table main, scope link without a gateway and else global. */
export interface RouteSpec {
  readonly dst: string;
  readonly kind?: RouteKind;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly priority?: number;
  readonly source?: string;
  readonly mtu?: number;
  readonly hops?: readonly NextHop[];
}

/** The route with everything filled in as the kernel will show it. */
export function completeRoute(spec: RouteSpec): Route {
  const version = versionOf(spec.dst);
  const hops = spec.hops ?? [];
  const kind = spec.kind ?? 'unicast';
  return {
    dst: spec.dst,
    kind,
    table: spec.table ?? table.main,
    protocol: spec.protocol ?? protocol.boot,
    scope: spec.scope ?? defaultScope(version, kind, hops),
    // IPv6 has no route without a metric; 1024 is what the kernel puts in.
    priority: spec.priority || (version === 6 ? 1024 : 0),
    ...(spec.source === undefined ? {} : { source: spec.source }),
    ...(spec.mtu === undefined ? {} : { mtu: spec.mtu }),
    hops,
  };
}

function defaultScope(version: IpVersion, kind: RouteKind, hops: readonly NextHop[]): number {
  if (version === 6) return scope.global;
  return kind === 'unicast' && hops.every((hop) => hop.gateway === undefined) ? scope.link : scope.global;
}

/** Writes RTM_NEWROUTE or RTM_DELROUTE. */
export function writeRoute(writer: MessageWriter, route: Route): void {
  const { address, prefix } = splitCidr(route.dst);
  const version = versionOf(address);
  const single = route.hops.length === 1 ? route.hops[0] : undefined;
  writer.u8(familyOf(version)).u8(prefix).u8(0).u8(0);
  writer
    .u8(route.table < 256 ? route.table : 0)
    .u8(route.protocol)
    .u8(route.scope)
    .u8(kinds.indexOf(route.kind));
  writer.u32(single?.onlink ? flag.onlink : 0);
  writer.bytes(attribute.destination, addressBytes(address)).number(attribute.table, route.table);
  if (route.priority !== 0) writer.number(attribute.priority, route.priority);
  if (route.source !== undefined) writer.bytes(attribute.prefSource, addressBytes(route.source));
  const { mtu } = route;
  if (mtu !== undefined) writer.nest(attribute.metrics, () => writer.number(metricMtu, mtu), false);
  if (single) {
    writeGateway(writer, version, single);
    if (single.oif !== 0) writer.number(attribute.oif, single.oif);
  } else if (route.hops.length > 1) {
    writer.nest(
      attribute.multipath,
      () => {
        for (const hop of route.hops) {
          writer.sized(() => {
            writer
              .u8(hop.onlink ? flag.onlink : 0)
              .u8((hop.weight ?? 1) - 1)
              .u32(hop.oif);
            writeGateway(writer, version, hop);
          });
        }
      },
      false,
    );
  }
}

function writeGateway(writer: MessageWriter, version: IpVersion, hop: NextHop): void {
  if (hop.gateway === undefined) return;
  const bytes = addressBytes(hop.gateway);
  if (versionOf(hop.gateway) === version) {
    writer.bytes(attribute.gateway, bytes);
    return;
  }
  const via = Buffer.alloc(2 + bytes.length);
  via.writeUInt16LE(familyOf(versionOf(hop.gateway)), 0);
  via.set(bytes, 2);
  writer.bytes(attribute.via, via);
}

/** What a dump of routes is confined to, by the kernel. */
export interface RouteFilter {
  readonly table?: number;
  readonly protocol?: number;
  readonly oif?: number;
}

/** Writes RTM_GETROUTE for a dump. */
export function writeRouteDump(writer: MessageWriter, version: IpVersion, filter: RouteFilter): void {
  const shortTable = filter.table !== undefined && filter.table < 256 ? filter.table : 0;
  writer
    .u8(familyOf(version))
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(shortTable)
    .u8(filter.protocol ?? 0)
    .u8(0)
    .u8(0)
    .u32(0);
  if (filter.table !== undefined) writer.number(attribute.table, filter.table);
  if (filter.oif !== undefined) writer.number(attribute.oif, filter.oif);
}

/** Writes RTM_GETROUTE that asks which route a packet to the address takes. */
export function writeRouteQuery(writer: MessageWriter, destination: string): void {
  const version = versionOf(destination);
  writer
    .u8(familyOf(version))
    .u8(version === 4 ? 32 : 128)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .u32(0);
  writer.bytes(attribute.destination, addressBytes(destination));
}

/** Reads RTM_NEWROUTE or RTM_DELROUTE of a list or an event; `undefined` for cached routes. */
export function readRoute(message: Message): Route | undefined {
  return (message.body.readUInt32LE(8) & cloned) === 0 ? readAnyRoute(message) : undefined;
}

/** Reads any RTM_NEWROUTE, also the answer to a look-up. */
export function readAnyRoute(message: Message): Route {
  const { body } = message;
  const family = body[0] ?? 0;
  const routeFlags = body.readUInt32LE(8);
  const prefix = body[1] ?? 0;
  let destination = family === AF_INET ? '0.0.0.0' : '::';
  let tableId = body[4] ?? 0;
  let priority = 0;
  let source: string | undefined;
  let mtu: number | undefined;
  let oif = 0;
  let gateway: string | undefined;
  let multipath: NextHop[] | undefined;
  readAttributes(body, 12, (type, value) => {
    switch (type) {
      case attribute.destination:
        destination = addressText(value);
        break;
      case attribute.table:
        tableId = value.readUInt32LE(0);
        break;
      case attribute.priority:
        priority = value.readUInt32LE(0);
        break;
      case attribute.prefSource:
        source = addressText(value);
        break;
      case attribute.oif:
        oif = value.readUInt32LE(0);
        break;
      case attribute.gateway:
        gateway = addressText(value);
        break;
      case attribute.via:
        gateway = addressText(value.subarray(2));
        break;
      case attribute.metrics:
        readAttributes(value, 0, (metric, number) => {
          if (metric === metricMtu) mtu = number.readUInt32LE(0);
        });
        break;
      case attribute.multipath:
        multipath = readHops(value);
    }
  });
  const hops =
    multipath ?? (oif === 0 && gateway === undefined ? [] : [readHop(oif, gateway, routeFlags, undefined)]);
  return {
    dst: `${destination}/${prefix}`,
    kind: kinds[body[7] ?? 0] ?? 'unspec',
    table: tableId,
    protocol: body[5] ?? 0,
    scope: body[6] ?? 0,
    priority,
    ...(source === undefined ? {} : { source }),
    ...(mtu === undefined ? {} : { mtu }),
    hops,
    ...((routeFlags & (flag.dead | flag.linkDown)) !== 0 ? { dead: true } : {}),
  };
}

function readHop(
  oif: number,
  gateway: string | undefined,
  hopFlags: number,
  weight: number | undefined,
): NextHop {
  return {
    oif,
    ...(gateway === undefined ? {} : { gateway }),
    ...((hopFlags & flag.onlink) !== 0 ? { onlink: true } : {}),
    ...(weight === undefined || weight === 1 ? {} : { weight }),
  };
}

function readHops(value: Buffer): NextHop[] {
  const hops: NextHop[] = [];
  for (let at = 0; at + 8 <= value.length; ) {
    const length = value.readUInt16LE(at);
    if (length < 8 || at + length > value.length) break;
    let gateway: string | undefined;
    readAttributes(value.subarray(0, at + length), at + 8, (type, bytes) => {
      if (type === attribute.gateway) gateway = addressText(bytes);
      if (type === attribute.via) gateway = addressText(bytes.subarray(2));
    });
    hops.push(readHop(value.readUInt32LE(at + 4), gateway, value[at + 2] ?? 0, (value[at + 3] ?? 0) + 1));
    at += (length + 3) & ~3;
  }
  return hops;
}
