/** One request from beginning to end: what the program prints, and its exit code. */

import { CalicoError, messageOf } from '../errors.ts';
import { isKernelError } from '../linux/index.ts';
import { add } from './add.ts';
import { check, gc, status } from './check.ts';
import { del } from './delete.ts';
import { ipamAdd, ipamDel } from './ipam-plugin.ts';
import { type CniCall, readCall, versionReply } from './protocol/call.ts';
import { CniError, cniCode, cniErrorJson } from './protocol/cni-error.ts';
import { formatResult } from './protocol/result.ts';
import type { CniDeps, CniReply, CniRequest } from './types.ts';

/** Serves a request. Never throws: failures are the reply. `deps` is made only when the call needs it. */
export async function handleCniRequest(
  request: CniRequest,
  deps: CniDeps | (() => Promise<CniDeps>),
): Promise<CniReply> {
  try {
    const call = readCall(request.env, request.stdin);
    if (call.command === 'VERSION') return { exit: 0, stdout: versionReply(), stderr: '' };
    const given = typeof deps === 'function' ? await deps() : deps;
    return { exit: 0, stdout: await dispatch(call, request, given), stderr: '' };
  } catch (thrown) {
    return { exit: 1, stdout: cniErrorJson(asCniError(thrown)), stderr: '' };
  }
}

async function dispatch(call: CniCall, request: CniRequest, deps: CniDeps): Promise<string> {
  const isIpam = request.program === 'calico-ipam';
  switch (call.command) {
    case 'ADD': {
      const result = await (isIpam ? ipamAdd(call, deps) : add(call, request.env, deps));
      return formatResult(result, call.version);
    }
    case 'DEL':
      await (isIpam ? ipamDel(call, deps) : del(call, request.env, deps));
      return '';
    case 'CHECK':
      if (!isIpam) await check(call, deps);
      return '';
    case 'STATUS':
      await status(call, request.env, deps);
      return '';
    case 'GC':
      await gc(call, request.env, deps);
      return '';
    case 'VERSION':
      return versionReply();
  }
}

/** Whatever was thrown, as the runtime gets it. */
export function asCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  const code =
    thrown instanceof CalicoError && (thrown.code === 'DATASTORE' || thrown.code === 'TIMEOUT')
      ? cniCode.tryAgain
      : isKernelError(thrown)
        ? cniCode.io
        : cniCode.other;
  const cure = thrown instanceof CalicoError ? (thrown.cure ?? '') : '';
  return new CniError(code, messageOf(thrown), cure);
}
