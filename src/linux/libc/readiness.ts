/**
 * Tells when descriptors become readable. One epoll serves the whole process, and one borrowed thread waits on it,
 * however many subscriptions there are; with none, nothing waits and the process may end.
 */
import { closeDescriptor, controlEpoll, createEpoll, waitEpoll } from './libc.ts';

/** Longest wait in one call, milliseconds: how late the last subscription's end is noticed. */
const waitLimit = 250;

const watched = new Map<number, () => void>();
let epoll: number | undefined;

/** Calls `onReadable` each time the descriptor has something to read, until the returned function is called. */
export function whenReadable(fd: number, onReadable: () => void): () => void {
  watched.set(fd, onReadable);
  if (epoll === undefined) {
    epoll = createEpoll();
    controlEpoll(epoll, fd, true);
    void serve(epoll);
  } else {
    controlEpoll(epoll, fd, true);
  }
  return () => {
    if (watched.get(fd) !== onReadable) return;
    watched.delete(fd);
    if (epoll !== undefined) controlEpoll(epoll, fd, false);
  };
}

async function serve(own: number): Promise<void> {
  while (watched.size > 0) {
    for (const fd of await waitEpoll(own, waitLimit)) watched.get(fd)?.();
  }
  epoll = undefined;
  closeDescriptor(own);
}
