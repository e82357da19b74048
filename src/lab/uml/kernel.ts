/**
 * Debian's user-mode-linux: a Linux kernel that is an ordinary program. A lab runs under it where the machine's own
 * kernel lacks what the inventory asks for, or allows no namespaces. Where it is, what it can do, how it is started.
 */
import { accessSync, constants, existsSync, readdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { KernelFacts } from '../../linux/index.ts';

/** The kernel. */
export const umlKernel = '/usr/bin/linux.uml';

/** Where its modules are; one folder per release. */
export const umlModules = '/usr/lib/uml/modules';

/** The Debian package that has both. */
export const umlPackage = 'user-mode-linux';

/** Its serial line to us, and where our end is among the kernel's descriptors. */
export const serialLine = { device: '/dev/ttyS0', descriptor: 3 } as const;

/** Modules that a lab needs. Nothing loads by itself: the kernel looks in /lib/modules, where these are not. */
export const neededModules: readonly string[] = [
  ...['af_packet', 'veth', 'bridge', 'ipip', 'vxlan', 'tun', 'tcp_diag', 'udp_diag'],
  ...['nfnetlink', 'nf_conntrack', 'nf_conntrack_netlink', 'nf_nat', 'nf_log_syslog'],
  ...['filter', 'nat', 'mangle', 'raw'].flatMap((name) => [`iptable_${name}`, `ip6table_${name}`]),
  ...['REJECT', 'rpfilter'].flatMap((name) => [`ipt_${name}`, `ip6t_${name}`]),
  ...[
    'addrtype',
    'comment',
    'connmark',
    'conntrack',
    'limit',
    'mark',
    'multiport',
    'set',
    'tcpudp',
    'u32',
  ].map((name) => `xt_${name}`),
  ...['CT', 'LOG', 'MASQUERADE', 'NFLOG', 'NETMAP', 'REDIRECT', 'nat', 'statistic', 'physdev', 'sctp'].map(
    (name) => `xt_${name}`,
  ),
  ...['ip_set', 'ip_set_hash_ip', 'ip_set_hash_net', 'ip_set_hash_ipport', 'ip_set_hash_netport'],
  ...['ip_set_hash_netnet', 'ip_set_bitmap_port', 'ip_set_list_set'],
];

/** What this kernel can do, as measured with Debian 12's: it has nf_tables, but no family that our tables are in. */
export const umlFacts: KernelFacts = {
  release: 'of user-mode-linux',
  veth: { ok: true },
  bridge: { ok: true },
  ipip: { ok: true },
  vxlan: { ok: true },
  nft: { ok: false, reason: 'it has neither the family ip nor ip6' },
  iptablesLegacy: { ok: true },
  ipset: { ok: true },
  userns: { ok: true },
};

/** Whether kernel and modules are installed. */
export function umlInstalled(): boolean {
  try {
    accessSync(umlKernel, constants.X_OK);
    return readdirSync(umlModules).length > 0;
  } catch {
    return false;
  }
}

/** What a boot needs to know. */
export interface UmlBoot {
  readonly executable: string;
  readonly name: string;
  /** Folder of the labs. */
  readonly labs: string;
  /** For the kernel's own files. */
  readonly folder: string;
  readonly mebibytes: number;
}

/**
 * Arguments of the kernel: this machine's files as its root, no disk, the console on standard output, a serial line on
 * descriptor 3, and the executable as its first process. That runs behind unshare, because it needs /proc to find itself.
 */
export function umlArguments({ executable, name, labs, folder, mebibytes }: UmlBoot): readonly string[] {
  return [
    `mem=${mebibytes}M`,
    ...['rootfstype=hostfs', 'rootflags=/', 'rw', 'quiet', 'random.trust_cpu=on'],
    ...['con=null', 'con0=null,fd:1', 'ssl=null', `ssl0=fd:${serialLine.descriptor}`],
    ...[`uml_dir=${folder}/`, 'umid=kernel', `CALICO_LAB_DIR=${labs}`],
    ...['init=/usr/bin/unshare', '--', '--mount', '--mount-proc', '--propagation', 'private'],
    // No second "--": the kernel takes none there, and unshare needs none.
    ...[executable, 'lab', 'guest', name],
  ];
}

/** Memory for a lab: the kernel takes of it what it uses. */
export function umlMemory(hosts: number): number {
  return 1024 + 160 * hosts;
}

/** Where that memory's file goes: the first folder with room, memory before disk. */
export function umlMemoryFolder(mebibytes: number, fallback: string): string {
  const roomy = (folder: string) => {
    if (!existsSync(folder)) return false;
    const { bavail, bsize } = statfsSync(folder);
    return (bavail * bsize) / 2 ** 20 > mebibytes;
  };
  return ['/dev/shm', tmpdir()].find(roomy) ?? fallback;
}
