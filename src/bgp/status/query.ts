/** BIRD's protocols, asked for over its socket. */
import { birdCommand } from '../bird/control-socket.ts';
import { type ProtocolRow, parseProtocols } from './protocols.ts';

/** Every protocol of the daemon behind a socket, with details. @throws CalicoError as `birdCommand` */
export async function protocolsOf(path: string): Promise<readonly ProtocolRow[]> {
  return parseProtocols((await birdCommand('show protocols all', { path, restrict: true })).lines);
}
