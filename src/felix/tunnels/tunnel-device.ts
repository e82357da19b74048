/**
 * The IPIP and VXLAN devices, as the reconciler sees them: they exist with the right parameters, carry exactly their
 * address, have their MTU and are up. Upstream: felix/dataplane/linux/{ipip_mgr,vxlan_mgr}.go.
 */
import { createHash } from 'node:crypto';
import {
  hasTransmitChecksum,
  isKernelError,
  type Link,
  type LinkKind,
  type Namespace,
  type RtNetlink,
  setTransmitChecksum,
  type VxlanParameters,
} from '../../linux/index.ts';
import type { ObjectDriver } from '../reconcile/index.ts';
import { tunnelDevice } from '../routes/index.ts';

/** A tunnel device as it should be. */
export type TunnelWish = {
  /** Whole address with prefix; absent while the node has none. */
  readonly address?: string;
  readonly mtu: number;
} & (
  | { readonly kind: 'ipip' }
  | {
      readonly kind: 'vxlan';
      readonly mac: string;
      readonly vxlan: VxlanParameters;
      /** Kernels up to 5.7 send wrong checksums when a VXLAN device leaves them to the hardware. */
      readonly checksumOffload: boolean;
    }
);

/** A device as it is, in the same terms. */
export type TunnelState = TunnelWish & { readonly up: boolean; readonly extraAddresses: readonly string[] };

/** Hardware address of a node's VXLAN device where the Node gives none. Upstream: `66:` and five bytes of SHA-1. */
export function vxlanMac(node: string, version: 4 | 6): string {
  const digest = createHash('sha1')
    .update(version === 4 ? node : `${node}-v6`)
    .digest('hex');
  return `66:${digest.slice(0, 10).replace(/(..)(?=.)/g, '$1:')}`;
}

/** Makes the driver; keys are device names. */
export function tunnelDriver(netlink: RtNetlink, namespace?: Namespace): ObjectDriver<TunnelWish> {
  return {
    noun: 'tunnel device',
    read() {
      const found = new Map<string, TunnelWish>();
      for (const name of Object.values(tunnelDevice)) {
        const state = readTunnel(netlink, name, namespace);
        if (state) found.set(name, state);
      }
      return found;
    },
    equal: sameTunnel,
    apply(changes) {
      const failed = new Map<string, Error>();
      for (const change of changes) {
        try {
          if (change.op === 'set') ensureTunnel(netlink, change.key, change.value, namespace);
          else removeTunnel(netlink, change.key);
        } catch (error) {
          if (!isKernelError(error)) throw error;
          failed.set(change.key, error);
        }
      }
      return failed;
    },
    describe: (name, wish) =>
      `${name}${wish.address === undefined ? '' : ` ${wish.address}`} mtu ${wish.mtu}`,
  };
}

/** Whether the device does what is desired. */
function sameTunnel(wish: TunnelWish, actual: TunnelWish): boolean {
  const state = 'extraAddresses' in actual ? (actual as TunnelState) : undefined;
  if (state && (!state.up || state.extraAddresses.length > 0)) return false;
  if (wish.kind !== actual.kind || wish.address !== actual.address || wish.mtu !== actual.mtu) return false;
  return (
    wish.kind !== 'vxlan' ||
    actual.kind !== 'vxlan' ||
    (wish.mac === actual.mac &&
      (wish.checksumOffload || !actual.checksumOffload) &&
      sameVxlan(wish.vxlan, actual.vxlan))
  );
}

/** Last kernel that gets the checksums of VXLAN packets wrong when it leaves them to the hardware. */
const lastBroken = [5, 7, 0] as const;

/** Whether offload must be off: `ChecksumOffloadBroken` in FeatureDetectOverride, else by the kernel's release. */
export function checksumOffloadBroken(override: string | undefined, release: string): boolean {
  if (override !== undefined && override !== '') return override.toLowerCase() === 'true';
  const version = release.split(/[.-]/).slice(0, 3).map(Number);
  for (const [i, last] of lastBroken.entries()) {
    const part = version[i] ?? 0;
    if (part !== last) return part < last;
  }
  return true;
}

function sameVxlan(a: VxlanParameters, b: VxlanParameters): boolean {
  return (
    a.vni === b.vni &&
    a.port === b.port &&
    a.local === b.local &&
    a.parent === b.parent &&
    a.learning === b.learning
  );
}

function readTunnel(
  netlink: RtNetlink,
  name: string,
  namespace: Namespace | undefined,
): TunnelState | undefined {
  const link = netlink.link(name);
  if (!link) return undefined;
  const addresses = ownAddresses(netlink, link);
  // tunl0 belongs to the kernel as soon as its module is loaded: down and without an address it is as good as absent.
  if (name === tunnelDevice.ipip && addresses.length === 0 && !link.up) return undefined;
  const [address, ...extraAddresses] = addresses;
  const common = {
    mtu: link.mtu,
    up: link.up,
    extraAddresses,
    ...(address === undefined ? {} : { address }),
  };
  return link.vxlan
    ? {
        kind: 'vxlan',
        mac: link.mac,
        vxlan: link.vxlan,
        checksumOffload: hasTransmitChecksum(name, namespace),
        ...common,
      }
    : { kind: 'ipip', ...common };
}

function ownAddresses(netlink: RtNetlink, link: Link): readonly string[] {
  return netlink
    .addresses({ link: link.index })
    .map((address) => address.address)
    .filter((address) => !address.startsWith('fe80:'));
}

function ensureTunnel(
  netlink: RtNetlink,
  name: string,
  wish: TunnelWish,
  namespace: Namespace | undefined,
): void {
  let link = netlink.link(name);
  if (
    link &&
    wish.kind === 'vxlan' &&
    !(link.vxlan && link.mac === wish.mac && sameVxlan(wish.vxlan, link.vxlan))
  ) {
    netlink.deleteLink(link.index);
    link = undefined;
  }
  link ??= makeTunnel(netlink, name, wish);
  if (wish.kind === 'vxlan' && !wish.checksumOffload) setTransmitChecksum(name, false, namespace);
  if (link.mtu !== wish.mtu) netlink.setLink(link.index, { mtu: wish.mtu });
  if (!link.up) netlink.setLink(link.index, { up: true });
  const present = ownAddresses(netlink, link);
  if (wish.address !== undefined && !present.includes(wish.address))
    netlink.addAddress(link.index, wish.address);
  for (const address of present) if (address !== wish.address) netlink.deleteAddress(link.index, address);
}

function makeTunnel(netlink: RtNetlink, name: string, wish: TunnelWish): Link {
  const kind: LinkKind = wish.kind === 'ipip' ? { kind: 'ipip' } : { kind: 'vxlan', ...wish.vxlan };
  try {
    return netlink.addLink(name, kind, wish.kind === 'vxlan' ? { mac: wish.mac, mtu: wish.mtu } : {});
  } catch (error) {
    // Loading the module made the device already.
    const link = isKernelError(error, 'EEXIST') ? netlink.link(name) : undefined;
    if (!link) throw error;
    return link;
  }
}

function removeTunnel(netlink: RtNetlink, name: string): void {
  const link = netlink.link(name);
  if (!link) return;
  if (link.vxlan) {
    netlink.deleteLink(link.index);
    return;
  }
  for (const address of ownAddresses(netlink, link)) netlink.deleteAddress(link.index, address);
  netlink.setLink(link.index, { up: false });
}
