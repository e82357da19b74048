/** Results of ADD, in every version's form. */
import { tryParseInterfaceAddress } from '../../ip/index.ts';
import type { CniVersion } from './call.ts';

/** An interface of a result. */
export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly sandbox?: string;
  readonly mtu?: number;
}

/** A route of a result. */
export interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
}

/** A result, as version 1 has it. */
export interface CniResult {
  readonly interfaces: readonly ResultInterface[];
  /** `address` with prefix; `interface` is an index. */
  readonly ips: readonly {
    readonly address: string;
    readonly interface?: number;
    readonly gateway?: string;
  }[];
  readonly routes: readonly ResultRoute[];
  readonly dns: Readonly<Record<string, unknown>>;
}

/** The result as text, in a version's form. */
export function formatResult(result: CniResult, version: CniVersion): string {
  return JSON.stringify(resultDocument(result, version), undefined, 4);
}

function resultDocument(result: CniResult, cniVersion: CniVersion): Readonly<Record<string, unknown>> {
  const routes = result.routes.map(({ dst, gw }) => ({ dst, ...(gw === undefined ? {} : { gw }) }));
  if (cniVersion === '0.1.0' || cniVersion === '0.2.0') {
    return { cniVersion, ...family(result, routes, 4), ...family(result, routes, 6), dns: result.dns };
  }
  const dotted = cniVersion.startsWith('0.');
  const interfaces = result.interfaces.map(({ name, mac, sandbox, mtu }) => ({
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined || cniVersion !== '1.1.0' ? {} : { mtu }),
    ...(sandbox === undefined ? {} : { sandbox }),
  }));
  const ips = result.ips.map(({ address, interface: index, gateway }) => ({
    ...(dotted ? { version: address.includes(':') ? '6' : '4' } : {}),
    ...(index === undefined ? {} : { interface: index }),
    address,
    ...(gateway === undefined ? {} : { gateway }),
  }));
  const dns = dotted || Object.keys(result.dns).length > 0 ? { dns: result.dns } : {};
  return {
    cniVersion,
    ...(interfaces.length > 0 ? { interfaces } : {}),
    ...(ips.length > 0 ? { ips } : {}),
    ...(routes.length > 0 ? { routes } : {}),
    ...dns,
  };
}

function family(result: CniResult, routes: readonly ResultRoute[], version: 4 | 6): Record<string, unknown> {
  const isOurs = (text: string) => text.includes(':') === (version === 6);
  const ip = result.ips.find(({ address }) => isOurs(address));
  if (!ip) return {};
  const own = routes.filter(({ dst }) => isOurs(dst));
  const gateway = ip.gateway === undefined ? {} : { gateway: ip.gateway };
  return { [`ip${version}`]: { ip: ip.address, ...gateway, ...(own.length > 0 ? { routes: own } : {}) } };
}

/** Reads a result of any version (of a delegated plugin, or `prevResult`); what is not understood is left out. */
export function readResult(document: unknown): CniResult {
  const value = recordOf(document);
  if ('ip4' in value || 'ip6' in value) {
    const parts = [recordOf(value['ip4']), recordOf(value['ip6'])].filter((part) => 'ip' in part);
    return {
      interfaces: [],
      ips: parts.map((part) => ({ address: String(part['ip']), ...gatewayOf(part['gateway']) })),
      routes: parts.flatMap((part) => routesOf(part['routes'])),
      dns: recordOf(value['dns']),
    };
  }
  return {
    interfaces: listOf(value['interfaces']).map((one) => ({
      name: String(one['name'] ?? ''),
      ...(typeof one['mac'] === 'string' ? { mac: one['mac'] } : {}),
      ...(typeof one['sandbox'] === 'string' ? { sandbox: one['sandbox'] } : {}),
    })),
    ips: listOf(value['ips'])
      .filter((one) => tryParseInterfaceAddress(String(one['address'])) !== undefined)
      .map((one) => ({
        address: String(one['address']),
        ...(typeof one['interface'] === 'number' ? { interface: one['interface'] } : {}),
        ...gatewayOf(one['gateway']),
      })),
    routes: routesOf(value['routes']),
    dns: recordOf(value['dns']),
  };
}

function gatewayOf(value: unknown): { readonly gateway?: string } {
  return typeof value === 'string' ? { gateway: value } : {};
}

function routesOf(value: unknown): readonly ResultRoute[] {
  return listOf(value)
    .filter((one) => typeof one['dst'] === 'string')
    .map((one) => ({ dst: String(one['dst']), ...(typeof one['gw'] === 'string' ? { gw: one['gw'] } : {}) }));
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
