/** `calico lab status`. */
import { ask } from '../client.ts';
import type { LabStatus } from '../protocol.ts';
import { LabState, labNames } from '../state.ts';
import { type LabCommand, parse, print, table } from './command.ts';

const usage = `Usage: calico lab status [--name NAME] [-o json]

Shows the hosts, processes and pods of a lab; without --name of every lab.

Examples:
  calico lab status
  calico lab status --name big -o json
`;

/** See the usage. */
export const status: LabCommand = {
  summary: 'hosts, processes and pods',
  usage,
  run: async (argv) => {
    const { state, json } = parse(argv, {}, usage);
    const named = argv.some((word) => word.startsWith('--name'));
    const states = named ? [state] : labNames().map((name) => new LabState(name));
    const all: LabStatus[] = [];
    for (const one of states) all.push(await statusOf(one));
    if (json) print(`${JSON.stringify(named ? all[0] : all, null, 2)}\n`);
    else if (all.length === 0) print('there is no lab; start one: calico lab up -i INVENTORY\n');
    else print(all.map(describe).join('\n'));
    return all.some(({ state: one }) => one === 'crashed' || one === 'failed') ? 1 : 0;
  },
};

async function statusOf(state: LabState): Promise<LabStatus> {
  if (state.exists && state.runningHolder() === undefined) {
    const { name, inventory } = state.spec();
    return { name, inventory, state: 'crashed', hosts: [], processes: [], pods: [], stages: [] };
  }
  return (await ask(state, { op: 'status' }, 'status')).status;
}

function describe(lab: LabStatus): string {
  const head = `Lab ${lab.name}: ${lab.state} (inventory ${lab.inventory.join(', ')})\n`;
  if (lab.state === 'crashed') return `${head}Clean up: calico lab down --name ${lab.name}\n`;
  const rows = lab.hosts.map((host) => {
    const processes = lab.processes.filter((one) => one.host === host.name);
    return [
      host.name,
      host.address,
      host.roles.join(','),
      `${host.memoryMiB} MiB`,
      processes
        .map(
          ({ program, pid, restarts }) =>
            `${program}${pid === null ? ' (down)' : ''}${restarts > 0 ? ` ↻${restarts}` : ''}`,
        )
        .join(' '),
      lab.pods
        .filter((pod) => pod.host === host.name)
        .map((pod) => `${pod.name}=${pod.addresses.join(',')}`)
        .join(' '),
    ];
  });
  return `${head}${table(['HOST', 'ADDRESS', 'ROLES', 'MEMORY', 'PROCESSES', 'PODS'], rows)}`;
}
