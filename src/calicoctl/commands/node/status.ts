/** `node status`: the BGP sessions that BIRD has. */
import { basename } from 'node:path';
import {
  type FamilyStatus,
  isBird1,
  type NodeStatus,
  parseProtocols,
  printNodeStatus,
  statusOfOneDaemon,
} from '../../../bgp/index.ts';
import { messageOf } from '../../../errors.ts';
import { type Command, CtlFailure } from '../../command.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import type { HostAccess, HostProcess } from '../../io.ts';
import { requireRoot } from './root.ts';

/** See the module's comment. */
export const status: Command = {
  name: 'node status',
  summary: 'Show BGP sessions.',
  help({ binary, release }) {
    return helpText({
      binary,
      release,
      usage: [`node status ${usageOf(release, [sharedOptions.mismatch])}`.trimEnd()],
      options: [sharedOptions.mismatch],
      description: 'Shows whether the Calico node runs on this host, and its BGP sessions.',
    });
  },
  async run(_args, ctl) {
    const host = await ctl.io.host();
    requireRoot(host);
    const processes = host.processes();
    if (!processes.some(isCalicoNode)) throw new CtlFailure('Calico process is not running.');
    ctl.io.stdout(printNodeStatus({ ...(await readStatus(host, processes)), release: ctl.release.minor }));
    return undefined;
  },
};

/** Whether a process is a Calico agent, ours or upstream's. */
export function isCalicoNode({ argv }: HostProcess): boolean {
  const program = basename(argv[0] ?? '');
  return (
    program === 'calico-felix' ||
    program === 'calico-node' ||
    argv[1] === '-felix' ||
    (program === 'calico' && argv[1] === 'node')
  );
}

/** The sessions of both families: of one BIRD 2, or of a pair of BIRD 1. */
export async function readStatus(host: HostAccess, processes: readonly HostProcess[]): Promise<NodeStatus> {
  const runs = (program: string): boolean =>
    processes.some(({ argv }) => basename(argv[0] ?? '') === program);
  const [bird, bird6] = [runs('bird'), runs('bird6')];
  if (!bird && !bird6) return { ipv4: { kind: 'not-running' }, ipv6: { kind: 'not-running' } };
  if (!bird6) {
    const one = await query(host, 'bird');
    if (one.kind !== 'sessions' || one.singleFamily) return { ipv4: one, ipv6: { kind: 'not-running' } };
    return statusOfOneDaemon(one.protocols);
  }
  return {
    ipv4: bird ? await query(host, 'bird') : { kind: 'not-running' },
    ipv6: await query(host, 'bird6'),
  };
}

async function query(host: HostAccess, daemon: 'bird' | 'bird6'): Promise<FamilyStatus> {
  let failed = '';
  for (const socket of [
    `/var/run/calico/${daemon}.ctl`,
    `/var/run/bird/${daemon}.ctl`,
    `/run/bird/${daemon}.ctl`,
  ]) {
    try {
      const reply = await host.birdQuery(socket, 'show protocols all');
      return { kind: 'sessions', protocols: parseProtocols(reply), singleFamily: isBird1(reply) };
    } catch (error) {
      failed = messageOf(error);
      if (socket.startsWith('/var/run/bird')) break;
    }
  }
  return { kind: 'unreachable', message: failed };
}
