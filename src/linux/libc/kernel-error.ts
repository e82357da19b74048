/** What the kernel answered when it refused. */
import { constants } from 'node:os';
import { CalicoError } from '../../errors.ts';

const names = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [Number(number), name]),
);

const meanings: Readonly<Record<string, string>> = {
  EPERM: 'not permitted',
  ENOENT: 'no such object',
  ESRCH: 'no such object',
  EEXIST: 'exists already',
  ENODEV: 'no such interface',
  EINVAL: 'invalid argument',
  ENETUNREACH: 'network unreachable',
  ENETDOWN: 'interface is down',
  EADDRNOTAVAIL: 'no such address',
  EOPNOTSUPP: 'not supported by this kernel',
  EBUSY: 'in use',
  EACCES: 'permission denied',
  ENOBUFS: 'receive buffer overflowed',
};

/** A system call or netlink request that the kernel refused. `errno` is its name: `EEXIST`, `ENODEV`, … */
export class KernelError extends CalicoError {
  readonly errno: string;

  constructor(what: string, code: number, explanation?: string) {
    const errno = names.get(code) ?? `errno ${code}`;
    const meaning = explanation ?? meanings[errno];
    super('KERNEL', `${what}: ${meaning === undefined ? errno : `${meaning} (${errno})`}`, {
      ...(errno === 'EPERM' || errno === 'EACCES'
        ? { cure: 'Run as root, or with the capabilities NET_ADMIN and SYS_ADMIN.' }
        : {}),
      details: { errno },
    });
    this.errno = errno;
  }
}

/** Whether the error is the kernel's refusal with one of these errno names. */
export function isKernelError(error: unknown, ...errnos: readonly string[]): error is KernelError {
  return error instanceof KernelError && (errnos.length === 0 || errnos.includes(error.errno));
}
