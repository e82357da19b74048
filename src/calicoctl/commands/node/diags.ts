/** `node diags`: what an engineer needs to know of this host, in one archive. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../../errors.ts';
import { type Command, type Ctl, CtlFailure } from '../../command.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import type { HostAccess } from '../../io.ts';
import { requireRoot } from './root.ts';

const logDir = {
  spec: '--log-dir=<LOG_DIR>',
  text: 'Directory with the logs of Calico. [default: /var/log/calico]',
};

interface Item {
  readonly info: string;
  readonly command: readonly string[];
  readonly file: string;
}

const items: readonly Item[] = [
  { info: '', command: ['date'], file: 'date' },
  { info: '', command: ['hostname'], file: 'hostname' },
  { info: 'Dumping netstat', command: ['ss', '-a', '-n'], file: 'ss' },
  { info: 'Dumping routes (IPv4)', command: ['ip', '-4', 'route'], file: 'ipv4_route' },
  { info: 'Dumping routes (IPv6)', command: ['ip', '-6', 'route'], file: 'ipv6_route' },
  { info: 'Dumping interface info (IPv4)', command: ['ip', '-4', 'addr'], file: 'ipv4_addr' },
  { info: 'Dumping interface info (IPv6)', command: ['ip', '-6', 'addr'], file: 'ipv6_addr' },
  { info: 'Dumping nft ruleset', command: ['nft', '-n', '-a', 'list', 'ruleset'], file: 'nft_ruleset' },
  { info: 'Dumping iptables (IPv4)', command: ['iptables-save', '-c'], file: 'ipv4_tables' },
  { info: 'Dumping iptables (IPv6)', command: ['ip6tables-save', '-c'], file: 'ipv6_tables' },
  { info: 'Dumping ipsets', command: ['ipset', 'list'], file: 'ipsets' },
  {
    info: 'Copying journal for calico-node.service',
    command: ['journalctl', '-u', 'calico-node.service', '--no-pager'],
    file: 'journalctl_calico_node',
  },
];

/** See the module's comment. */
export const diags: Command = {
  name: 'node diags',
  summary: 'Gather diagnostics.',
  help({ binary, release }) {
    const optional = [logDir, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      usage: [`node diags ${usageOf(release, optional)}`],
      options: optional,
      description: `Gathers the state of this host that explains how Calico behaves on it: routes, rules,
interfaces, logs. Nothing leaves the host: the archive's name is printed at the end.`,
    });
  },
  async run(args, ctl) {
    const host = await ctl.io.host();
    requireRoot(host);
    await collect(host, textArg(args, '--log-dir') ?? '/var/log/calico', ctl);
    return undefined;
  },
};

async function collect(host: HostAccess, logs: string, ctl: Ctl): Promise<void> {
  const root = mkdtempSync(join(ctl.io.env['TMPDIR'] || tmpdir(), 'calico'));
  const target = join(root, 'diagnostics');
  mkdirSync(target, { mode: 0o700 });
  ctl.io.stdout(`Collecting diagnostics\nUsing temp dir: ${root}\n`);
  for (const item of items) {
    if (item.info !== '') ctl.io.stdout(`${item.info}\n`);
    const [program = '', ...args] = item.command;
    try {
      const { code, stdout, stderr } = await host.run(program, args);
      writeFileSync(join(target, item.file), stdout + stderr);
      if (code !== 0) reportFailure(item.command, stderr, ctl);
    } catch (error) {
      reportFailure(item.command, messageOf(error), ctl);
    }
  }
  ctl.io.stdout('Copying Calico logs\n');
  if (existsSync(logs)) cpSync(logs, join(target, 'logs'), { recursive: true });
  const stamp = ctl.io
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '')
    .replace('T', '_');
  const archive = join(root, `diags-${stamp}.tar.gz`);
  const packed = await host.run('tar', ['-C', root, '-czf', archive, 'diagnostics']);
  if (packed.code !== 0) throw new CtlFailure(`error packing the diagnostics: ${packed.stderr.trim()}`);
  ctl.io.stdout(`\nDiags saved to ${archive}\n`);
}

function reportFailure(command: readonly string[], text: string, ctl: Ctl): void {
  ctl.io.stdout(`Failed to run command: ${command.join(' ')}\nError: ${text.trimEnd()}\n`);
}
