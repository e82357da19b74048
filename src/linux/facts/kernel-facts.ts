/** What this kernel can do, found by trying: modules that load on demand show in no list. */
import { release } from 'node:os';
import { iptablesWorks } from '../iptables/index.ts';
import { isKernelError } from '../libc/index.ts';
import { type LinkKind, RtNetlink } from '../netlink/index.ts';
import { Namespace } from '../netns/index.ts';
import { NftContext, NftError } from '../nftables/index.ts';
import { runProgram } from '../program/index.ts';

/** A capability, with the kernel's words where it is missing. */
export type Fact = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** What the lab's preflight and the agent's choice of drivers ask. */
export interface KernelFacts {
  /** `6.1.0-18-amd64`. */
  readonly release: string;
  readonly veth: Fact;
  readonly bridge: Fact;
  readonly ipip: Fact;
  readonly vxlan: Fact;
  /** nftables tables of the families `ip` and `ip6`, with `fib` and `ct` expressions. */
  readonly nft: Fact;
  readonly iptablesLegacy: Fact;
  readonly ipset: Fact;
  /** Whether a process without privileges may make a user namespace, and with it networks of its own. */
  readonly userns: Fact;
}

const works: Fact = { ok: true };

/**
 * Probes inside a network namespace made for it, which ends with the probe: nothing of the machine changes. Needs
 * CAP_SYS_ADMIN (of a user namespace will do). @throws KernelError EPERM without it
 */
export async function probeKernel(): Promise<KernelFacts> {
  const scratch = Namespace.unnamed();
  try {
    const netlink = new RtNetlink({ namespace: scratch });
    const link = (kind: LinkKind) => probeLink(netlink, kind);
    const facts = {
      release: release(),
      veth: link({ kind: 'veth', peer: { name: 'probe1' } }),
      bridge: link({ kind: 'bridge' }),
      ipip: link({ kind: 'ipip', local: '192.0.2.1', remote: '192.0.2.2' }),
      vxlan: link({ kind: 'vxlan', vni: 4096, port: 4789, learning: false }),
      nft: probeNft(scratch),
      userns: await probeUserNamespace(),
    };
    netlink.close();
    const legacy = await scratch.run(() => iptablesWorks(4, 'legacy'));
    const ipset = await scratch.run(() => asFact(runProgram('ipset', ['list', '-n'])));
    return {
      ...facts,
      iptablesLegacy: legacy ? works : { ok: false, reason: 'iptables-legacy does not answer' },
      ipset,
    };
  } finally {
    scratch.close();
  }
}

function probeLink(netlink: RtNetlink, kind: LinkKind): Fact {
  try {
    netlink.addLink('probe0', kind);
  } catch (error) {
    if (isKernelError(error)) return { ok: false, reason: error.message };
    throw error;
  }
  netlink.deleteLink('probe0');
  return works;
}

/**
 * Whether nftables can hold our tables, tried in a namespace that ends with the probe. Debian's user-mode-linux kernel
 * has nf_tables but neither family `ip` nor `ip6`, which no version or module list tells.
 */
export function probeNft(namespace?: Namespace): Fact {
  const scratch = namespace ?? Namespace.unnamed();
  let nft: NftContext | undefined;
  try {
    nft = new NftContext({ namespace: scratch });
    for (const family of ['ip', 'ip6']) {
      nft.run(`add table ${family} probe
add chain ${family} probe c { type filter hook prerouting priority raw; }
add rule ${family} probe c ct state new fib saddr . iif oif missing counter drop`);
    }
    return works;
  } catch (error) {
    if (error instanceof NftError || isKernelError(error)) return { ok: false, reason: error.message };
    throw error;
  } finally {
    nft?.close();
    if (!namespace) scratch.close();
  }
}

/** As nobody where we are root, since root's right to make one proves nothing. */
function probeUserNamespace(): Promise<Fact> {
  const command = ['unshare', '--user', '--map-root-user', '--net', 'true'];
  const root = process.getuid?.() === 0;
  return asFact(
    root
      ? runProgram('setpriv', [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          '--inh-caps=-all',
          '--bounding-set=-all',
          ...command,
        ])
      : runProgram('unshare', command.slice(1)),
  );
}

async function asFact(run: Promise<string>): Promise<Fact> {
  try {
    await run;
    return works;
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
