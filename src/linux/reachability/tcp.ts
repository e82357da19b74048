/** TCP: a listener in a namespace, and connections from others, many at once. */
import { type Address, type IpVersion, parseAddress } from '../../ip/index.ts';
import {
  beginConnect,
  bindSocket,
  closeDescriptor,
  getSocketOption,
  listenOn,
  openSocket,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  setSocketOption,
} from '../libc/index.ts';
import type { Namespace } from '../netns/index.ts';
import { sockaddr, socketDomain } from './sockaddr.ts';

/** A connection to try. */
export interface TcpTarget {
  readonly from: Namespace;
  readonly address: string;
  readonly port: number;
  /** Source address to bind; by default the kernel chooses. */
  readonly source?: string;
}

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCP_ESTABLISHED = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Listens on a port of all addresses of a version; nobody accepts, the kernel completes handshakes. Returns `close`. */
export function listenTcp(namespace: Namespace, version: IpVersion, port: number): () => void {
  return namespace.run(() => {
    const fd = openSocket(socketDomain[version], SOCK_STREAM, 0);
    try {
      setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      if (version === 6) setSocketOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      bindSocket(fd, sockaddr(anyAddress(version), port));
      listenOn(fd, 1024);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    return () => closeDescriptor(fd);
  });
}

/** Tries all connections together; for each, whether it was established within the time (milliseconds), or why not. */
export async function probeTcp(
  targets: readonly TcpTarget[],
  timeout: number,
): Promise<readonly ('ok' | string)[]> {
  const results: ('ok' | string | undefined)[] = targets.map(() => undefined);
  const open = new Map<number, number>();
  for (const [from, indexes] of groupBy(targets)) {
    from.run(() => {
      for (const index of indexes) {
        const { address, port, source } = targets[index]!;
        const parsed = parseAddress(address);
        const fd = openSocket(socketDomain[parsed.version], SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (source !== undefined) bindSocket(fd, sockaddr(parseAddress(source), 0));
        const errno = beginConnect(fd, sockaddr(parsed, port));
        if (errno === 0) open.set(index, fd);
        else {
          results[index] = errorName(errno);
          closeDescriptor(fd);
        }
      }
    });
  }
  const end = performance.now() + timeout;
  while (open.size > 0) {
    for (const [index, fd] of open) {
      const errno = getSocketOption(fd, SOL_SOCKET, SO_ERROR);
      if (errno === 0 && !isEstablished(fd)) continue;
      results[index] = errno === 0 ? 'ok' : errorName(errno);
      open.delete(index);
      closeDescriptor(fd);
    }
    if (open.size === 0 || performance.now() > end) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const [index, fd] of open) {
    results[index] = 'no answer';
    closeDescriptor(fd);
  }
  return results.map((result) => result ?? 'no answer');
}

/** The state is the first byte of struct tcp_info. */
function isEstablished(fd: number): boolean {
  return (getSocketOption(fd, IPPROTO_TCP, TCP_INFO) & 0xff) === TCP_ESTABLISHED;
}

function anyAddress(version: IpVersion): Address {
  return { version, value: 0n };
}

function groupBy(targets: readonly TcpTarget[]): ReadonlyMap<Namespace, readonly number[]> {
  const groups = new Map<Namespace, number[]>();
  for (const [index, { from }] of targets.entries()) groups.set(from, [...(groups.get(from) ?? []), index]);
  return groups;
}

function errorName(errno: number): string {
  const names: Readonly<Record<number, string>> = {
    1: 'not permitted',
    101: 'network is unreachable',
    110: 'no answer',
    111: 'connection refused',
    113: 'no route to host',
  };
  return names[errno] ?? `error ${errno}`;
}
