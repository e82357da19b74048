/** Settings of the whole host, and the check of reverse path filtering at start. */
import { CalicoError } from '../../errors.ts';
import { type Namespace, readSysctl, runProgram, writeSysctl } from '../../linux/index.ts';
import type { Log } from '../log.ts';

/** Runs a synchronous function in the host's network namespace: the given one, or the process's own. */
export function inHost<T>(namespace: Namespace | undefined, act: () => T): T {
  return namespace ? namespace.run(act) : act();
}

/** Without the module SCTP rules match nothing; kernels that have it built in need none, so failures do not matter. */
export async function loadModules(): Promise<void> {
  await runProgram('modprobe', ['nf_conntrack_proto_sctp']).catch(() => undefined);
}

/** Makes the host forward and count. Upstream: felix/dataplane/linux/int_dataplane.go. */
export function prepareHost(
  settings: { readonly forwarding: boolean; readonly ipv6: boolean },
  log: Log,
): void {
  const wanted: [string, string][] = [['net/netfilter/nf_conntrack_acct', '1']];
  if (settings.forwarding) {
    wanted.push(['net/ipv4/ip_forward', '1']);
    if (settings.ipv6) wanted.push(['net/ipv6/conf/all/forwarding', '1']);
  }
  for (const [path, value] of wanted) {
    try {
      writeSysctl(path, value);
    } catch (error) {
      log.warn('cannot set a kernel parameter', { path, value, reason: String(error) });
    }
  }
}

/**
 * Reads `all.rp_filter`. Loose (2) would make the kernel accept spoofed sources where a policy relies on it; the
 * driving document's releases stop then, unless `IgnoreLooseRPF`. Ours also blocks spoofing in the raw table, so by
 * default it reports. @throws CalicoError INPUT with `abort` when it is loose
 */
export function checkReversePathFilter(
  options: { readonly ignoreLoose: boolean; readonly abort: boolean },
  log: Log,
  value = readSysctl('net/ipv4/conf/all/rp_filter'),
): 'strict' | 'loose' {
  if (value !== undefined && Number(value) <= 1) return 'strict';
  const what =
    value === undefined
      ? 'the reverse path filter cannot be read'
      : 'the kernel filters reverse paths loosely (net.ipv4.conf.all.rp_filter is 2)';
  if (options.abort && !options.ignoreLoose) {
    throw new CalicoError('INPUT', what, {
      cure: 'Set net.ipv4.conf.all.rp_filter to 0 or 1, or FELIX_IGNORELOOSERPF=true to accept it.',
    });
  }
  if (options.ignoreLoose) log.info(`${what}; accepted by IgnoreLooseRPF`);
  else log.warn(`${what}; spoofed sources are dropped by our own rules`);
  return 'loose';
}

/** What new interfaces get as `rp_filter`, for workload interfaces. */
export function defaultReversePathFilter(): string {
  return readSysctl('net/ipv4/conf/default/rp_filter') ?? '0';
}
