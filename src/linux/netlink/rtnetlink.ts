/**
 * The network configuration of one namespace: links, addresses, routes, rules, neighbours, forwarding entries.
 *
 * Made in a namespace (the caller's, or one given) it acts there for as long as it lives, whoever calls. All calls are
 * synchronous and short; lists of a large routing table are the only ones that take milliseconds.
 */

import { CalicoError } from '../../errors.ts';
import type { IpVersion } from '../../ip/index.ts';
import { isKernelError } from '../libc/index.ts';
import type { Namespace } from '../netns/index.ts';
import {
  addressType,
  type InterfaceAddress,
  readAddress,
  scope,
  writeAddress,
  writeAddressDump,
} from './address.ts';
import { AF_BRIDGE, familyOf, versionOf } from './address-bytes.ts';
import {
  type Link,
  type LinkKind,
  type LinkSettings,
  linkType,
  readLink,
  writeLinkGroup,
  writeLinkReference,
  writeNewLink,
  writeSetLink,
} from './link.ts';
import { flags, type Message, type MessageWriter } from './message.ts';
import {
  type ForwardingEntry,
  type Neighbour,
  neighbourType,
  readForwarding,
  readNeighbour,
  writeForwarding,
  writeNeighbour,
  writeNeighbourDump,
  writeProxyNeighbour,
} from './neighbour.ts';
import {
  completeRoute,
  type Route,
  type RouteFilter,
  type RouteSpec,
  readAnyRoute,
  readRoute,
  routeType,
  writeRoute,
  writeRouteDump,
  writeRouteQuery,
} from './route.ts';
import { type RoutingRule, readRule, ruleType, writeRule, writeRuleDump } from './rule.ts';
import { type BatchErrors, family, NetlinkSocket } from './socket.ts';

/** One change of the routing table, for {@link RtNetlink.applyRoutes}. */
export interface RouteChange {
  /** `replace` makes the route whatever was there; `add` fails when one with the same identity exists. */
  readonly op: 'add' | 'replace' | 'delete';
  readonly route: Route;
}

const operationOf = {
  add: { type: routeType.new, flags: flags.create | flags.exclusive },
  replace: { type: routeType.new, flags: flags.create | flags.replace },
  delete: { type: routeType.delete, flags: 0 },
} as const;

/** Lists that stay inconsistent are taken as they are after this many attempts. */
const listAttempts = 4;

/** See the file's comment. */
export class RtNetlink {
  readonly #socket: NetlinkSocket;

  constructor(options: { readonly namespace?: Namespace } = {}) {
    this.#socket = new NetlinkSocket(family.route, options);
  }

  close(): void {
    this.#socket.close();
  }

  links(): readonly Link[] {
    return this.#list('list links', linkType.get, (w) => writeLinkReference(w, {}), readLink);
  }

  /** A link by name or index; `undefined` when there is none. */
  link(reference: string | number): Link | undefined {
    const by = typeof reference === 'string' ? { name: reference } : { index: reference };
    try {
      const message = this.#socket.get(`get link ${reference}`, linkType.get, (w) =>
        writeLinkReference(w, by),
      );
      return message && readLink(message);
    } catch (error) {
      if (isKernelError(error, 'ENODEV')) return undefined;
      throw error;
    }
  }

  /** A link that must exist. @throws CalicoError NOT_FOUND */
  requireLink(reference: string | number): Link {
    const link = this.link(reference);
    if (!link) throw new CalicoError('NOT_FOUND', `there is no interface ${reference}`);
    return link;
  }

  /** Makes a link and returns it as it became. @throws KernelError EEXIST, EOPNOTSUPP (no such kind) */
  addLink(name: string, kind: LinkKind, settings: LinkSettings = {}): Link {
    this.#socket.request(`make ${kind.kind} ${name}`, linkType.new, flags.create | flags.exclusive, (w) =>
      writeNewLink(w, name, kind, settings),
    );
    const link = settings.namespaceFd === undefined ? this.link(name) : undefined;
    return (
      link ?? {
        index: 0,
        name,
        up: settings.up ?? false,
        operUp: false,
        mtu: settings.mtu ?? 0,
        mac: '',
        kind: kind.kind,
        master: 0,
        link: 0,
      }
    );
  }

  /** Changes settings of a link, moving and renaming included. */
  setLink(reference: string | number, settings: LinkSettings): void {
    const index = this.#index(reference);
    this.#socket.request(`set link ${reference}`, linkType.new, 0, (w) => writeSetLink(w, index, settings));
  }

  /** Deletes a link; false when there was none. */
  deleteLink(reference: string | number): boolean {
    const by = typeof reference === 'string' ? { name: reference } : { index: reference };
    return this.#deleted(['ENODEV'], () =>
      this.#socket.request(`delete link ${reference}`, linkType.delete, 0, (w) => writeLinkReference(w, by)),
    );
  }

  /**
   * As {@link deleteLink}, without holding up the caller's thread: the kernel waits for its readers for milliseconds.
   * This object must be used for nothing else meanwhile.
   */
  async deleteLinkAsync(reference: string | number): Promise<boolean> {
    const by = typeof reference === 'string' ? { name: reference } : { index: reference };
    try {
      await this.#socket.requestAsync(`delete link ${reference}`, linkType.delete, 0, (w) =>
        writeLinkReference(w, by),
      );
      return true;
    } catch (error) {
      if (isKernelError(error, 'ENODEV')) return false;
      throw error;
    }
  }

  /**
   * Deletes all links of a group at once, as {@link deleteLinkAsync} does with one: the kernel waits for its readers
   * once for all of them. False when there were none.
   */
  async deleteLinkGroupAsync(group: number): Promise<boolean> {
    try {
      await this.#socket.requestAsync(`delete links of group ${group}`, linkType.delete, 0, (w) =>
        writeLinkGroup(w, group),
      );
      return true;
    } catch (error) {
      if (isKernelError(error, 'ENODEV')) return false;
      throw error;
    }
  }

  /** Addresses of one interface or of all. */
  addresses(
    filter: { readonly version?: IpVersion; readonly link?: string | number } = {},
  ): readonly InterfaceAddress[] {
    const index = filter.link === undefined ? 0 : this.#index(filter.link);
    const wanted = filter.version === undefined ? 0 : familyOf(filter.version);
    return this.#list(
      'list addresses',
      addressType.get,
      (w) => writeAddressDump(w, wanted, index),
      readAddress,
    );
  }

  /** Puts an address (with prefix) on an interface; one that is there already is no error. */
  addAddress(reference: string | number, address: string, addressScope: number = scope.global): void {
    const index = this.#index(reference);
    this.#socket.request(
      `add address ${address} to ${reference}`,
      addressType.new,
      flags.create | flags.replace,
      (w) => writeAddress(w, index, address, addressScope),
    );
  }

  /** Takes an address from an interface; false when it was not there. */
  deleteAddress(reference: string | number, address: string): boolean {
    const index = this.#index(reference);
    return this.#deleted(['EADDRNOTAVAIL'], () =>
      this.#socket.request(`delete address ${address} from ${reference}`, addressType.delete, 0, (w) =>
        writeAddress(w, index, address, scope.global),
      ),
    );
  }

  /** Routes of one IP version; local-table routes too unless the filter says otherwise. */
  routes(version: IpVersion, filter: RouteFilter = {}): readonly Route[] {
    return this.#list('list routes', routeType.get, (w) => writeRouteDump(w, version, filter), readRoute);
  }

  /** Makes a route. @throws KernelError EEXIST when one with its identity exists */
  addRoute(spec: RouteSpec): void {
    this.#route('add', spec);
  }

  /** Makes a route in place of one with the same identity. */
  replaceRoute(spec: RouteSpec): void {
    this.#route('replace', spec);
  }

  /** Deletes a route; false when it was not there. Protocol, scope and kind that are not given match any. */
  deleteRoute(spec: RouteSpec): boolean {
    const route: Route = {
      ...completeRoute(spec),
      protocol: spec.protocol ?? 0,
      scope: spec.scope ?? scope.nowhere,
      kind: spec.kind ?? 'unspec',
    };
    return this.#deleted(['ESRCH', 'ENOENT', 'ENODEV'], () =>
      this.#socket.request(`delete route ${route.dst}`, routeType.delete, 0, (w) => writeRoute(w, route)),
    );
  }

  /** Many changes at once, in order; the refusals by index. */
  applyRoutes(changes: readonly RouteChange[]): BatchErrors {
    return this.#socket.batch(
      changes.map((change) => ({
        what: `${change.op} route ${change.route.dst}`,
        ...operationOf[change.op],
        fill: (w: MessageWriter) => writeRoute(w, change.route),
      })),
    );
  }

  /** The route that a packet to this address takes; `undefined` when there is none. */
  routeTo(destination: string): Route | undefined {
    try {
      const message = this.#socket.get(`find route to ${destination}`, routeType.get, (w) =>
        writeRouteQuery(w, destination),
      );
      return message && readAnyRoute(message);
    } catch (error) {
      if (isKernelError(error, 'ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL')) return undefined;
      throw error;
    }
  }

  rules(version: IpVersion): readonly RoutingRule[] {
    return this.#list('list rules', ruleType.get, (w) => writeRuleDump(w, version), readRule);
  }

  addRule(rule: RoutingRule): void {
    this.#socket.request(`add rule ${rule.priority}`, ruleType.new, flags.create | flags.exclusive, (w) =>
      writeRule(w, rule),
    );
  }

  /** Deletes a rule; false when it was not there. */
  deleteRule(rule: RoutingRule): boolean {
    return this.#deleted(['ENOENT'], () =>
      this.#socket.request(`delete rule ${rule.priority}`, ruleType.delete, 0, (w) => writeRule(w, rule)),
    );
  }

  /** Neighbours of one IP version, on one interface or on all. */
  neighbours(version: IpVersion, reference?: string | number): readonly Neighbour[] {
    const index = reference === undefined ? 0 : this.#index(reference);
    return this.#list(
      'list neighbours',
      neighbourType.get,
      (w) => writeNeighbourDump(w, familyOf(version), index),
      readNeighbour,
    );
  }

  /** Makes a permanent neighbour, in place of what was known of the address. */
  setNeighbour(index: number, address: string, mac: string): void {
    this.#socket.request(`set neighbour ${address}`, neighbourType.new, flags.create | flags.replace, (w) =>
      writeNeighbour(w, { index, address, mac }),
    );
  }

  /** Forgets a neighbour; false when it was not known. */
  deleteNeighbour(index: number, address: string): boolean {
    return this.#deleted(['ENOENT', 'ENODEV'], () =>
      this.#socket.request(`delete neighbour ${address}`, neighbourType.delete, 0, (w) =>
        writeNeighbour(w, { index, address, mac: '' }),
      ),
    );
  }

  /** Lets an interface answer neighbour requests for an address. */
  addProxyNeighbour(index: number, address: string): void {
    this.#socket.request(`proxy neighbour ${address}`, neighbourType.new, flags.create | flags.replace, (w) =>
      writeProxyNeighbour(w, index, address),
    );
  }

  /** Forwarding entries of a VXLAN device that have a destination. */
  forwarding(index: number): readonly ForwardingEntry[] {
    return this.#list(
      'list forwarding entries',
      neighbourType.get,
      (w) => writeNeighbourDump(w, AF_BRIDGE, index),
      readForwarding,
    ).filter((entry) => entry.index === index);
  }

  /** Sends frames for a hardware address to a host. */
  setForwarding(entry: ForwardingEntry): void {
    this.#socket.request(
      `set forwarding of ${entry.mac}`,
      neighbourType.new,
      flags.create | flags.replace,
      (w) => writeForwarding(w, entry),
    );
  }

  /** Forgets a forwarding entry; false when it was not there. */
  deleteForwarding(entry: ForwardingEntry): boolean {
    return this.#deleted(['ENOENT', 'ENODEV'], () =>
      this.#socket.request(`delete forwarding of ${entry.mac}`, neighbourType.delete, 0, (w) =>
        writeForwarding(w, entry),
      ),
    );
  }

  #route(op: 'add' | 'replace', spec: RouteSpec): void {
    const route = completeRoute(spec);
    const { type, flags: operationFlags } = operationOf[op];
    this.#socket.request(`${op} route ${route.dst}`, type, operationFlags, (w) => writeRoute(w, route));
  }

  #index(reference: string | number): number {
    return typeof reference === 'number' ? reference : this.requireLink(reference).index;
  }

  #list<T>(
    what: string,
    type: number,
    fill: (w: MessageWriter) => void,
    read: (message: Message) => T | undefined,
  ): T[] {
    for (let attempt = 1; ; attempt++) {
      const found: T[] = [];
      const consistent = this.#socket.dump(what, type, fill, (message) => {
        const value = read(message);
        if (value !== undefined) found.push(value);
      });
      if (consistent || attempt === listAttempts) return found;
    }
  }

  #deleted(absent: readonly string[], act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (isKernelError(error, ...absent)) return false;
      throw error;
    }
  }
}

/** IP version of a route's destination. */
export function routeVersion(route: { readonly dst: string }): IpVersion {
  return versionOf(route.dst);
}
