/** The plugin's side of calico-node's socket. It loads nothing but this: start-up time is part of every call. */
import { connect } from 'node:net';
import { CniError, cniCode, cniErrorJson } from './protocol/cni-error.ts';
import type { CniReply, CniRequest } from './types.ts';
import { encodeFrame, FrameReader } from './wire.ts';

/** Environment that calico-node needs of the plugin's. */
const passed = /^(CNI_|FELIX_INTERFACEPREFIX$|PATH$)/;

/**
 * Has calico-node serve the request. `undefined` when nobody listens: only then may the plugin do the work itself. Once
 * a byte was sent, a broken connection is an error that has the runtime try again.
 */
export function callNode(socketPath: string, request: CniRequest): Promise<CniReply | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const reader = new FrameReader();
    let connected = false;
    const broken = (reason: string): CniReply => {
      const error = new CniError(cniCode.tryAgain, 'the connection to calico-node broke', reason);
      return { exit: 1, stdout: cniErrorJson(error), stderr: '' };
    };
    socket.on('connect', () => {
      connected = true;
      const env = Object.fromEntries(Object.entries(request.env).filter(([name]) => passed.test(name)));
      socket.write(encodeFrame({ v: 1, program: request.program, env, stdin: request.stdin }));
    });
    socket.on('data', (chunk) => {
      const reply = reader.push(Buffer.from(chunk)) as CniReply | undefined;
      if (reply === undefined) return;
      resolve(reply);
      socket.destroy();
    });
    socket.on('error', (error) => resolve(connected ? broken(error.message) : undefined));
    socket.on('close', () => resolve(connected ? broken('closed without a reply') : undefined));
  });
}
