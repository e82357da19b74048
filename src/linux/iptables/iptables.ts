/** iptables by its save and restore programs: whole tables as text, one process per transaction. */
import type { IpVersion } from '../../ip/index.ts';
import { ProgramError, runProgram } from '../program/index.ts';

/** Which kernel interface the iptables programs use. */
export type IptablesVariant = 'legacy' | 'nft';

/** The tables that rules of ours live in. */
export type IptablesTable = 'raw' | 'mangle' | 'nat' | 'filter';

/** How restore waits for the lock that all iptables programs share. */
export interface IptablesLock {
  /** Seconds to wait; 0 uses 10. */
  readonly seconds: number;
  /** Microseconds between attempts. */
  readonly interval?: number;
}

/** Restore and save of one IP version and variant. */
export interface Iptables {
  readonly variant: IptablesVariant;
  readonly version: IpVersion;
  /** One table in iptables-save format, with or without counters. */
  save(table: IptablesTable, options?: { readonly counters?: boolean }): Promise<string>;
  /** Applies restore input without flushing what it does not name. One transaction per table in it. */
  restore(input: string): Promise<void>;
}

/** Makes the pair of programs for a variant. */
export function iptables(
  version: IpVersion,
  variant: IptablesVariant,
  lock: IptablesLock = { seconds: 0 },
): Iptables {
  const name = `${version === 4 ? 'iptables' : 'ip6tables'}-${variant}`;
  const options = { debianPackage: 'iptables' };
  return {
    variant,
    version,
    save: (table, saving = {}) =>
      runProgram(`${name}-save`, ['-t', table, ...(saving.counters ? ['-c'] : [])], options),
    restore: async (input) => {
      // The nft variant has the kernel's transactions and no lock; it accepts and ignores the option.
      const wait = ['--wait', String(lock.seconds || 10), '--wait-interval', String(lock.interval ?? 50_000)];
      await runProgram(`${name}-restore`, ['--noflush', ...wait], { ...options, input });
    },
  };
}

/** Whether the variant works here: its programs are installed and the kernel answers. */
export async function iptablesWorks(version: IpVersion, variant: IptablesVariant): Promise<boolean> {
  try {
    await iptables(version, variant).save('filter');
    return true;
  } catch (error) {
    if (error instanceof ProgramError || error instanceof Error) return false;
    throw error;
  }
}
