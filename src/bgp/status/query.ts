/** Asks the BIRD of this host, ours or upstream's pair of daemons, for what `calicoctl node status` prints. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { birdCommand } from '../bird/control-socket.ts';
import { type FamilyStatus, type NodeStatus, statusOfOneDaemon } from './node-status.ts';
import { type ProtocolRow, parseProtocols } from './protocols.ts';

/** Folders in which the sockets are looked for, in order. */
export const birdSocketFolders: readonly string[] = ['/var/run/calico', '/var/run/bird'];

/**
 * Reads both families' sessions: from `bird.ctl` alone, or from it and `bird6.ctl` where upstream's two daemons run.
 * A daemon that does not answer is part of the result.
 */
export async function queryNodeStatus(folders: readonly string[] = birdSocketFolders): Promise<NodeStatus> {
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const [socket4, socket6] = [find('bird.ctl'), find('bird6.ctl')];
  if (socket6 !== undefined)
    return { ipv4: await one(socket4 ?? join(folders[0]!, 'bird.ctl')), ipv6: await one(socket6) };
  const both = await one(socket4 ?? join(folders[0]!, 'bird.ctl'));
  return both.kind === 'sessions' ? statusOfOneDaemon(both.protocols) : { ipv4: both, ipv6: both };
}

async function one(path: string): Promise<FamilyStatus> {
  try {
    return { kind: 'sessions', protocols: await protocolsOf(path) };
  } catch (error) {
    return { kind: 'unreachable', message: messageOf(error) };
  }
}

/** Every protocol of the daemon behind a socket, with details. @throws CalicoError as `birdCommand` */
export async function protocolsOf(path: string): Promise<readonly ProtocolRow[]> {
  return parseProtocols((await birdCommand('show protocols all', { path, restrict: true })).lines);
}
