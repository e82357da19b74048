/** The commands of releases before v3: the words of the driving document, answered in those releases' layout. */
import { type Ctl, CtlFailure, parseOrExplain } from '../command.ts';
import { parseArgs } from '../grammar/docopt.ts';
import { bgpCommands } from './bgp.ts';
import { endpointCommands } from './endpoint.ts';
import { hostCommands, runBareNode } from './host.ts';
import type { LegacyCommand } from './legacy-command.ts';
import { poolCommands } from './pool.ts';
import { profileCommands } from './profile.ts';
import { settingCommands } from './settings.ts';
import { statusCommand } from './status.ts';

const commands: readonly LegacyCommand[] = [
  statusCommand,
  ...poolCommands,
  ...endpointCommands,
  ...profileCommands,
  ...bgpCommands,
  ...settingCommands,
  ...hostCommands,
];

/** Runs the old command whose usage the words match. */
export async function runLegacy(words: readonly string[], ctl: Ctl): Promise<number> {
  if (words[0] === 'node' && words[1]?.startsWith('--')) return await runBareNode(words, ctl);
  for (const command of commands) {
    const outcome = parseArgs(usageText([command], ctl), words);
    if (outcome.kind !== 'args') continue;
    ctl.io.stderr(`${words[0]}: an old command; today it is: ${ctl.binary} ${command.today}\n`);
    return (await command.run(outcome.args, ctl)) ?? 0;
  }
  const first = words[0] ?? '';
  const family = commands.filter((command) => command.usage.split(' ')[0] === first);
  const result = parseOrExplain(usageText(family, ctl), words, ctl);
  if (typeof result === 'number') return result;
  throw new CtlFailure(`unknown command: "${first}"`);
}

function usageText(list: readonly LegacyCommand[], ctl: Ctl): string {
  return `Usage:\n${list.map((command) => `  ${ctl.binary} ${command.usage}`).join('\n')}

Options:
  -h --help                    Show this screen.
     --ipv4                    Show IPv4 only.
     --ipv6                    Show IPv6 only.
     --ipip                    Use IP-in-IP.
     --nat-outgoing            Translate addresses of outgoing traffic.
     --detailed                Show more columns.
     --no-check                Do not check for use.
     --remove                  Remove the value.
     --runtime=<RUNTIME>       Accepted for the sake of scripts. [default: docker]
     --host=<HOSTNAME>         Only endpoints of this host.
     --orchestrator=<ORCHESTRATOR_ID>  Only endpoints of this orchestrator.
     --workload=<WORKLOAD_ID>  Only endpoints of this workload.
     --endpoint=<ENDPOINT_ID>  Only this endpoint.
     --log-dir=<LOG_DIR>       Directory with logs. [default: /var/log/calico]
`;
}
