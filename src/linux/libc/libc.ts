/** System calls, as few as the room needs. Each throws {@link KernelError} where C returns -1. */

import { CalicoError } from '../../errors.ts';
import { isKernelError, KernelError } from './kernel-error.ts';
import { koffi, library } from './koffi.ts';

const call = library('libc.so.6', 'libc6', {
  socket: 'int socket(int domain, int type, int protocol)',
  bind: 'int bind(int fd, const void *address, uint32_t length)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
  send: 'long send(int fd, const void *buffer, size_t length, int flags)',
  recv: 'long recv(int fd, void *buffer, size_t length, int flags)',
  connect: 'int connect(int fd, const void *address, uint32_t length)',
  listen: 'int listen(int fd, int backlog)',
  sendto:
    'long sendto(int fd, const void *buffer, size_t length, int flags, const void *address, uint32_t addressLength)',
  recvfrom:
    'long recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *addressLength)',
  getsockopt: 'int getsockopt(int fd, int level, int name, void *value, void *length)',
  close: 'int close(int fd)',
  open: 'int open(const char *path, int flags, ...)',
  setns: 'int setns(int fd, int type)',
  unshare: 'int unshare(int flags)',
  mount:
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  umount2: 'int umount2(const char *target, int flags)',
  if_nametoindex: 'unsigned int if_nametoindex(const char *name)',
  flock: 'int flock(int fd, int operation)',
  waitpid: 'int waitpid(int pid, void *status, int options)',
  epoll_create1: 'int epoll_create1(int flags)',
  epoll_ctl: 'int epoll_ctl(int epoll, int operation, int fd, const void *event)',
  epoll_wait: 'int epoll_wait(int epoll, void *events, int size, int timeout)',
});

function checked(what: string, result: number): number {
  if (result < 0) throw new KernelError(what, koffi().errno());
  return result;
}

export const SOCK_STREAM = 1;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const AF_NETLINK = 16;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const CLONE_NEWNET = 0x40000000;
export const CLONE_NEWNS = 0x20000;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_SHARED = 1 << 20;
export const MNT_DETACH = 2;

/** Opens a socket in the calling thread's network namespace, to which it belongs until closed. */
export function openSocket(domain: number, type: number, protocol: number): number {
  return checked('socket', call('socket')(domain, type | SOCK_CLOEXEC, protocol));
}

/** Binds a socket to a raw sockaddr. */
export function bindSocket(fd: number, address: Uint8Array): void {
  checked('bind', call('bind')(fd, address, address.length));
}

/** Sets an integer socket option; false when the kernel does not know it. */
export function setSocketOption(fd: number, level: number, name: number, value: number): boolean {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return call('setsockopt')(fd, level, name, buffer, 4) === 0;
}

/**
 * Index of an interface in the calling thread's network namespace; `undefined` when there is none. Unlike a netlink
 * request it does not wait for a change of the network configuration that is under way.
 */
export function interfaceIndex(name: string): number | undefined {
  const index = call('if_nametoindex')(name);
  return index === 0 ? undefined : index;
}

/** Sends one datagram whole. */
export function sendDatagram(fd: number, bytes: Uint8Array): void {
  checked('send', Number(call('send')(fd, bytes, bytes.length, 0)));
}

/** As {@link sendDatagram}, on another thread: for datagrams over which the kernel works for milliseconds. */
export function sendDatagramAsync(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    call('send').async(fd, bytes, bytes.length, 0, (error: unknown, sent: number | bigint) => {
      if (error) reject(error);
      else if (Number(sent) < 0) reject(new KernelError('send', koffi().errno()));
      else resolve();
    });
  });
}

/** Receives one datagram and returns its length; `undefined` when `flags` has MSG_DONTWAIT and none is there. */
export function receiveDatagram(fd: number, into: Uint8Array, flags = 0): number | undefined {
  for (;;) {
    const length = Number(call('recv')(fd, into, into.length, flags));
    if (length >= 0) return length;
    const errno = koffi().errno();
    if (errno === 11) return undefined;
    if (errno !== 4) throw new KernelError('recv', errno);
  }
}

/** Makes a bound stream socket accept connections. */
export function listenOn(fd: number, backlog: number): void {
  checked('listen', call('listen')(fd, backlog));
}

/** Begins to connect a non-blocking socket; the error number, 0 when it is under way or done. */
export function beginConnect(fd: number, address: Uint8Array): number {
  if (call('connect')(fd, address, address.length) === 0) return 0;
  const errno = koffi().errno();
  return errno === 115 ? 0 : errno;
}

/** Sends a datagram to an address; the error number, 0 when it was taken. */
export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): number {
  return Number(call('sendto')(fd, bytes, bytes.length, 0, address, address.length)) >= 0
    ? 0
    : koffi().errno();
}

/** Receives a datagram that is there with its sender's sockaddr; `undefined` when none is. */
export function receiveFrom(fd: number, into: Uint8Array, address: Uint8Array): number | undefined {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  const received = Number(call('recvfrom')(fd, into, into.length, MSG_DONTWAIT, address, length));
  return received >= 0 ? received : undefined;
}

/** Reads an integer socket option. */
export function getSocketOption(fd: number, level: number, name: number): number {
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(4);
  checked('getsockopt', call('getsockopt')(fd, level, name, value, length));
  return value.readInt32LE();
}

/** Waits for a datagram on another thread, and returns its length. For calls in which the kernel works long. */
export function receiveDatagramElsewhere(fd: number, into: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    call('recv').async(fd, into, into.length, 0, (_error: unknown, length: number) => {
      if (Number(length) >= 0) resolve(Number(length));
      else reject(new CalicoError('KERNEL', 'a netlink socket failed while a list was read'));
    });
  });
}

/** Closes a descriptor; closing twice is the caller's bug and is not reported. */
export function closeDescriptor(fd: number): void {
  call('close')(fd);
}

/** Opens a file read-only and close-on-exec. */
export function openDescriptor(path: string): number {
  return checked(`open ${path}`, call('open')(path, SOCK_CLOEXEC, 'int', 0));
}

/** Moves the calling thread into the namespace of a descriptor. Use `inNamespace` instead. */
export function setNamespace(fd: number, type: number): void {
  checked('setns', call('setns')(fd, type));
}

/** Gives the calling thread new namespaces. */
export function unshareNamespace(flags: number): void {
  checked('unshare', call('unshare')(flags));
}

/** Mounts. */
export function mountAt(source: string, target: string, type: string, flags: number): void {
  checked(`mount ${target}`, call('mount')(source, target, type, flags, null));
}

/** Unmounts. */
export function unmount(target: string, flags: number): void {
  checked(`umount ${target}`, call('umount2')(target, flags));
}

/** Takes the exit status of an ended child, so that it is no zombie any more; false when it has not ended. */
export function reapChild(pid: number): boolean {
  const WNOHANG = 1;
  return call('waitpid')(pid, null, WNOHANG) === pid;
}

/** Makes an epoll descriptor. */
export function createEpoll(): number {
  return checked('epoll_create1', call('epoll_create1')(SOCK_CLOEXEC));
}

/** Adds (`watch`) or removes a descriptor from an epoll for readability; its own number is the event's datum. */
export function controlEpoll(epoll: number, fd: number, watch: boolean): void {
  const event = Buffer.alloc(12);
  event.writeUInt32LE(1, 0);
  event.writeUInt32LE(fd, 4);
  checked('epoll_ctl', call('epoll_ctl')(epoll, watch ? 1 : 2, fd, event));
}

/** Waits on another thread until descriptors are readable or the time (milliseconds) is over; yields them. */
export function waitEpoll(epoll: number, timeout: number): Promise<readonly number[]> {
  const events = Buffer.alloc(12 * 64);
  return new Promise((resolve) => {
    call('epoll_wait').async(epoll, events, 64, timeout, (_error: unknown, count: number) => {
      const ready: number[] = [];
      for (let i = 0; i < count; i++) ready.push(events.readUInt32LE(i * 12 + 4));
      resolve(ready);
    });
  });
}

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/**
 * Takes the lock of an open file (flock(2)), shared with every process that does so; false when another holds it. The
 * kernel gives it back when the descriptor is closed or the process dies.
 */
export function lockFile(fd: number): boolean {
  try {
    checked('flock', call('flock')(fd, LOCK_EX | LOCK_NB));
    return true;
  } catch (error) {
    if (isKernelError(error, 'EAGAIN', 'EWOULDBLOCK')) return false;
    throw error;
  }
}

/** Gives the lock of {@link lockFile} back. */
export function unlockFile(fd: number): void {
  call('flock')(fd, LOCK_UN);
}
