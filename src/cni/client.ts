/**
 * The plugin's side of calico-node's socket. It loads nothing but this: start-up time is part of every call. Bun's own
 * socket is taken because `node:net` alone costs 2 ms of the 6 that a call spends in the plugin.
 */
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
  const env = Object.fromEntries(Object.entries(request.env).filter(([name]) => passed.test(name)));
  let unsent: Uint8Array = encodeFrame({ v: 1, program: request.program, env, stdin: request.stdin });
  const reader = new FrameReader();
  return new Promise((resolve) => {
    const send = (socket: { write(bytes: Uint8Array): number }) => {
      unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
    };
    const connected = Bun.connect({
      unix: socketPath,
      socket: {
        open: send,
        drain: send,
        data: (socket, chunk) => {
          const reply = reader.push(chunk) as CniReply | undefined;
          if (reply === undefined) return;
          resolve(reply);
          socket.end();
        },
        error: (_, error) => resolve(broken(error.message)),
        close: () => resolve(broken('closed without a reply')),
        connectError: () => resolve(undefined),
      },
    });
    connected.catch(() => resolve(undefined));
  });
}

function broken(reason: string): CniReply {
  const error = new CniError(cniCode.tryAgain, 'the connection to calico-node broke', reason);
  return { exit: 1, stdout: cniErrorJson(error), stderr: '' };
}
