/** `ipam check`: what IPAM holds against what nodes and workloads use. */
import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { type Command, type Ctl, CtlFailure } from '../../command.ts';
import { flagArg, textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { goFileError } from '../../input/files.ts';
import { formatJsonIndented } from '../../output/json.ts';
import { withClient } from '../../session.ts';
import { inspectIpam } from './inspect.ts';

const options = [
  { spec: '-o --output=<FILE>', text: 'Write a report to this file, for ipam release --from-report.' },
  { spec: '--show-all-ips', text: 'Print every address that is checked.' },
  { spec: '--show-problem-ips', text: 'Print the addresses that are leaked or not allocated.' },
];
const kubeconfig = {
  spec: '--kubeconfig=<KUBECONFIG>',
  text: 'Accepted for the sake of scripts; not needed.',
};

/** See the module's comment. */
export const check: Command = {
  name: 'ipam check',
  summary: 'Check IPAM.',
  help({ binary, release }) {
    const optional = [...options, sharedOptions.config, kubeconfig, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`ipam check ${usageOf(release, optional)}`],
      options: optional,
      description: `Checks that every allocated address is used by a node or a workload, that every used
address is allocated, and that handles and blocks agree. Nothing is changed.`,
    });
  },
  async run(args, ctl) {
    const given = textArg(args, '--kubeconfig') ?? ctl.io.env['KUBECONFIG'];
    if (given && !existsSync(isAbsolute(given) ? given : resolve(ctl.io.cwd, given))) {
      throw new CtlFailure(`stat ${given}: no such file or directory`);
    }
    await withClient(args, ctl, async (client) => {
      const report = await inspectIpam(client, {
        all: flagArg(args, '--show-all-ips'),
        problems: flagArg(args, '--show-problem-ips'),
        print: (line) => ctl.io.stdout(`${line}\n`),
      });
      const output = textArg(args, '--output');
      if (output !== undefined) writeReport(output, formatJsonIndented(report), ctl);
    });
    return undefined;
  },
};

function writeReport(file: string, text: string, ctl: Ctl): void {
  try {
    writeFileSync(isAbsolute(file) ? file : resolve(ctl.io.cwd, file), text);
  } catch (error) {
    throw new CtlFailure(goFileError(error, file));
  }
}
