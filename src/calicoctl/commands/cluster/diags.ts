/** `cluster diags`: the state of the whole cluster in one directory. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindNames, kinds } from '../../../resources/index.ts';
import { wireForm } from '../../client/wire.ts';
import type { Command } from '../../command.ts';
import { helpText, inRelease, sharedOptions } from '../../grammar/help.ts';
import { formatYaml } from '../../output/yaml.ts';
import { withClient } from '../../session.ts';
import { inspectIpam } from '../ipam/inspect.ts';

const options = [
  { spec: '--since=<SINCE>', text: 'Only logs newer than this: 30s, 5m, 3h.' },
  { spec: '--max-logs=<MAXLOGS>', text: 'Hosts whose logs are taken at most. [default: 5]' },
  { spec: '--max-parallelism=<N>', text: 'Collections that run side by side. [default: 10]' },
  { spec: '--focus-nodes=<NODES>', text: 'Hosts whose logs are taken first, separated by commas.' },
  { spec: '--skip-temp-dir-cleanup', text: 'Keep the directory that the archive was made from.' },
];

/** See the module's comment. */
export const diags: Command = {
  name: 'cluster diags',
  summary: 'Collect diagnostics.',
  help({ binary, release }) {
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [
        `cluster diags [--since=<SINCE>] [--max-logs=<MAXLOGS>] [--max-parallelism=<N>]
                          [--focus-nodes=<NODES>] [--skip-temp-dir-cleanup]
                          [--config=<CONFIG>] [--context=<context>] [--allow-version-mismatch]`,
      ],
      options: [...options, sharedOptions.config, sharedOptions.context, sharedOptions.mismatch],
      description: `Collects all resources and the result of ipam check. What belongs to one host is
collected there with 'node diags'.`,
    });
  },
  usageHint: (_ctl, argv) => `invalid option: 'calicoctl ${argv.join(' ')}'.`,
  async run(args, ctl) {
    await withClient(args, ctl, async (client) => {
      const root = mkdtempSync(join(ctl.io.env['TMPDIR'] || tmpdir(), 'calico'));
      const target = join(root, 'calico-diagnostics');
      mkdirSync(target, { mode: 0o700 });
      ctl.io.stdout(`==== Begin collecting diagnostics ====\n`);
      for (const kind of kindNames) {
        if (!kinds[kind].served || !inRelease(ctl.release, kinds[kind])) continue;
        const { items, revision } = await client.list(kind);
        const list = {
          kind: `${kind}List`,
          apiVersion: 'projectcalico.org/v3',
          metadata: { resourceVersion: revision },
          items,
        };
        writeFileSync(join(target, `${kinds[kind].plural}.yaml`), formatYaml(wireForm(list, ctl.release)));
        ctl.io.stdout(`${kinds[kind].plural}: ${items.length}\n`);
      }
      let text = '';
      await inspectIpam(client, {
        all: true,
        problems: true,
        print: (line) => {
          text += `${line}\n`;
        },
      });
      writeFileSync(join(target, 'ipam-check.txt'), text);
      ctl.io.stdout(`\nDiagnostics are in ${target}\n`);
    });
    return undefined;
  },
};
