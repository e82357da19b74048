/** Permanent neighbours and forwarding entries, as the reconciler sees them. */
import type { IpVersion } from '../../ip/index.ts';
import { isKernelError, type KernelError, type RtNetlink } from '../../linux/index.ts';
import type { ObjectDriver } from '../reconcile/index.ts';

/** A permanent neighbour: this address on that interface has this hardware address. */
export interface NeighbourWish {
  readonly index: number;
  readonly address: string;
  readonly mac: string;
}

/** Frames for this hardware address go to that host. */
export interface ForwardingWish {
  readonly index: number;
  readonly mac: string;
  readonly destination: string;
}

/** Key of a neighbour. */
export function neighbourKey(wish: { readonly index: number; readonly address: string }): string {
  return `${wish.index} ${wish.address}`;
}

/** Key of a forwarding entry. */
export function forwardingKey(wish: { readonly index: number; readonly mac: string }): string {
  return `${wish.index} ${wish.mac}`;
}

/** Neighbours of one IP version; `isOurs` says on which interfaces permanent ones are ours. */
export function neighbourDriver(
  netlink: RtNetlink,
  version: IpVersion,
  isOurs: (index: number) => boolean,
  nameOf: (index: number) => string | undefined,
): ObjectDriver<NeighbourWish> {
  return {
    noun: `IPv${version} neighbour`,
    read() {
      const found = new Map<string, NeighbourWish>();
      for (const entry of netlink.neighbours(version)) {
        if (!entry.permanent || !isOurs(entry.index)) continue;
        found.set(neighbourKey(entry), { index: entry.index, address: entry.address, mac: entry.mac });
      }
      return found;
    },
    equal: (a, b) => a.index === b.index && a.address === b.address && a.mac === b.mac,
    apply: (changes) =>
      attempt(changes, (change) => {
        if (change.op === 'set')
          netlink.setNeighbour(change.value.index, change.value.address, change.value.mac);
        else netlink.deleteNeighbour(change.previous.index, change.previous.address);
      }),
    describe: (_key, wish) => `${wish.address} lladdr ${wish.mac} dev ${nameOf(wish.index) ?? wish.index}`,
  };
}

/** Forwarding entries of the VXLAN devices, whose indexes `devices` gives. */
export function forwardingDriver(
  netlink: RtNetlink,
  devices: () => readonly number[],
  nameOf: (index: number) => string | undefined,
): ObjectDriver<ForwardingWish> {
  return {
    noun: 'forwarding entry',
    read() {
      const found = new Map<string, ForwardingWish>();
      for (const index of devices()) {
        for (const entry of netlink.forwarding(index)) found.set(forwardingKey(entry), entry);
      }
      return found;
    },
    equal: (a, b) => a.index === b.index && a.mac === b.mac && a.destination === b.destination,
    apply: (changes) =>
      attempt(changes, (change) => {
        // A device may hold several destinations per hardware address: the old one goes first.
        if (
          change.previous &&
          (change.op === 'delete' || change.previous.destination !== change.value.destination)
        ) {
          netlink.deleteForwarding(change.previous);
        }
        if (change.op === 'set') netlink.setForwarding(change.value);
      }),
    describe: (_key, wish) => `${wish.mac} dst ${wish.destination} dev ${nameOf(wish.index) ?? wish.index}`,
  };
}

/** Does each change and collects the kernel's refusals by key. */
function attempt<C extends { readonly key: string }>(
  changes: readonly C[],
  act: (change: C) => void,
): ReadonlyMap<string, KernelError> {
  const failed = new Map<string, KernelError>();
  for (const change of changes) {
    try {
      act(change);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      failed.set(change.key, error);
    }
  }
  return failed;
}
