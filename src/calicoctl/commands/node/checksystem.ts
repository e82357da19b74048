/** `node checksystem`: kernel version and modules. */
import { existsSync, readFileSync } from 'node:fs';
import { type Command, type Ctl, failure } from '../../command.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import type { HostAccess } from '../../io.ts';
import { requireRoot } from './root.ts';

const minimum = [2, 6, 24] as const;

const oldModules =
  'ip_set ip_tables ip6_tables ipt_REJECT ipt_rpfilter ipt_set nf_conntrack_netlink xt_addrtype xt_conntrack xt_icmp xt_icmp6 xt_ipvs xt_mark xt_multiport xt_rpfilter xt_set xt_u32';
const newModules = `${oldModules.replace('xt_ipvs', 'ipt_ipvs')} vfio-pci xt_bpf`;

const kernelConfig = {
  spec: '-f --kernel-config=<FILE>',
  text: 'Configuration of the kernel, where it is not in its usual place.',
  since: 19,
};

/** See the module's comment. */
export const checksystem: Command = {
  name: 'node checksystem',
  summary: 'Check the host.',
  help({ binary, release }) {
    const optional = [kernelConfig, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      usage: [`node checksystem ${usageOf(release, optional)}`.trimEnd()],
      options: optional,
      description: 'Checks that the kernel of this host has what Calico needs.',
    });
  },
  async run(args, ctl) {
    const host = await ctl.io.host();
    requireRoot(host);
    ctl.io.stdout('Checking kernel version...\n');
    const versionOk = isRecent(host.kernel);
    ctl.io.stdout(resultLine(host.kernel, versionOk));
    ctl.io.stdout('Checking kernel modules...\n');
    const modulesOk = await checkModules(host, textArg(args, '--kernel-config'), ctl);
    if (!versionOk || !modulesOk) {
      throw failure(ctl, "system doesn't meet one or more minimum systems requirements to run Calico");
    }
    ctl.io.stdout('System meets minimum system requirements to run Calico!\n');
    return undefined;
  },
};

function resultLine(name: string, ok: boolean): string {
  return `\t\t${name.padEnd(20)}\t\t\t\t\t${ok ? 'OK' : 'FAIL'}\n`;
}

function isRecent(kernel: string): boolean {
  const parts = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(kernel);
  if (!parts) return false;
  const version = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  for (const [at, least] of minimum.entries()) {
    const given = version[at] ?? 0;
    if (given !== least) return given > least;
  }
  return true;
}

async function checkModules(host: HostAccess, config: string | undefined, ctl: Ctl): Promise<boolean> {
  let loaded: string;
  try {
    loaded = (await host.run('lsmod', [])).stdout;
  } catch {
    ctl.io.stdout('Error executing command: exec: "lsmod": executable file not found in $PATH\n');
    return false;
  }
  const known = [loaded, ...moduleFiles(host.kernel, config).map(readIfThere)]
    .join('\n')
    .replaceAll('-', '_');
  let ok = true;
  for (const module of (ctl.release.minor < 19 ? oldModules : newModules).split(' ')) {
    const name = module.replaceAll('-', '_');
    const found = new RegExp(`(^|[/\\s])${name}(\\.ko|\\s|$)`, 'm').test(known) || configHas(known, name);
    if (!found) {
      ctl.io.stdout(`WARNING: Unable to detect the ${module} module as Loaded/Builtin module or lsmod\n`);
      if (module === 'ip6_tables') {
        ctl.io.stdout('WARNING: IPv6 will be unavailable as ip6_tables kernel module is not found\n');
        continue;
      }
      ok = false;
    }
    ctl.io.stdout(resultLine(module, found));
  }
  return ok;
}

function moduleFiles(kernel: string, config: string | undefined): readonly string[] {
  return [
    `/lib/modules/${kernel}/modules.dep`,
    `/lib/modules/${kernel}/modules.builtin`,
    config ?? `/boot/config-${kernel}`,
    `/usr/src/linux-headers-${kernel}/.config`,
    `/lib/modules/${kernel}/build/.config`,
    '/proc/net/ip_tables_matches',
  ];
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** A module that is built in shows in the kernel's configuration. */
function configHas(text: string, module: string): boolean {
  const upper = module.toUpperCase().replace(/^XT_/, 'NETFILTER_XT_MATCH_');
  return new RegExp(`^CONFIG_(${upper}|IP_NF_${upper}|NETFILTER_${module.toUpperCase()})=[ym]`, 'm').test(
    text,
  );
}
