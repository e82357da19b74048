/**
 * Kernel settings of workload interfaces, as the reconciler sees them: the host answers ARP for the gateway
 * 169.254.1.1 and NDP for the link-local one, forwards, and checks sources as by default. Keys are interface names.
 * Upstream: felix/dataplane/linux/endpoint_mgr.go, configureInterface.
 */

import { messageOf } from '../../errors.ts';
import { KernelError, type Namespace, readSysctl, type SysctlPath, writeSysctl } from '../../linux/index.ts';
import type { ObjectDriver } from '../reconcile/index.ts';
import { inHost } from './host-sysctls.ts';

/** Values by path below /proc/sys. */
export type InterfaceSettings = Readonly<Record<SysctlPath, string>>;

/** What the settings depend on. */
export interface InterfaceSettingsInput {
  readonly ipv6: boolean;
  /** `net.ipv4.conf.default.rp_filter` as read at start. */
  readonly defaultReversePathFilter: string;
  /** The endpoint may send from addresses that are not its own. */
  readonly allowsSpoofing: boolean;
}

/** The settings of a workload interface. */
export function workloadInterfaceSettings(name: string, input: InterfaceSettingsInput): InterfaceSettings {
  const v4 = `net/ipv4/conf/${name}`;
  const v6 = `net/ipv6/conf/${name}`;
  return {
    [`${v6}/accept_ra`]: '0',
    [`${v4}/route_localnet`]: '1',
    [`net/ipv4/neigh/${name}/proxy_delay`]: '0',
    [`${v4}/proxy_arp`]: '1',
    [`${v4}/forwarding`]: '1',
    [`${v4}/rp_filter`]: input.allowsSpoofing ? '0' : input.defaultReversePathFilter,
    ...(input.ipv6 ? { [`${v6}/proxy_ndp`]: '1', [`${v6}/forwarding`]: '1' } : {}),
  };
}

/** Makes the driver. `desired` gives what is wanted, which is also all that is read. */
export function interfaceSettingsDriver(
  desired: () => ReadonlyMap<string, InterfaceSettings>,
  namespace: Namespace | undefined,
): ObjectDriver<InterfaceSettings> {
  return {
    noun: 'interface setting',
    read() {
      const found = new Map<string, InterfaceSettings>();
      for (const [name, settings] of desired()) {
        const values: Record<string, string> = {};
        for (const path of Object.keys(settings)) {
          const value = inHost(namespace, () => readSysctl(path));
          // A kernel without IPv6 has no IPv6 parameters: they are as good as set.
          values[path] = value ?? settings[path] ?? '';
        }
        found.set(name, values);
      }
      return found;
    },
    equal: (a, b) => Object.entries(a).every(([path, value]) => b[path] === value),
    apply(changes) {
      const failed = new Map<string, Error>();
      for (const change of changes) {
        if (change.op === 'delete') continue;
        try {
          inHost(namespace, () => {
            for (const [path, value] of Object.entries(change.value))
              writeSysctl(path, value, change.previous?.[path]);
          });
        } catch (error) {
          failed.set(change.key, error instanceof KernelError ? error : new Error(messageOf(error)));
        }
      }
      return failed;
    },
    describe: (name, settings) =>
      `${name}: ${Object.entries(settings)
        .map(([path, value]) => `${path.slice(path.lastIndexOf('/') + 1)}=${value}`)
        .join(' ')}`,
  };
}
