/** Checksum offload of an interface, by the old ioctl, which every kernel has. Upstream: felix/ethtool. */
import { closeDescriptor, KernelError, koffi, library, openSocket } from '../libc/index.ts';
import type { Namespace } from '../netns/index.ts';

const SIOCETHTOOL = 0x8946;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;
const AF_INET = 2;
const SOCK_DGRAM = 2;

/** struct ifreq with a pointer in its union, padded to the kernel's size. */
const ifreq = 'struct_ifreq_pointer';

let call: ReturnType<typeof library<'ioctl'>> | undefined;

function ioctl(fd: number, name: string, value: Buffer): number {
  if (!call) {
    const native = koffi();
    native.struct(ifreq, {
      name: native.array('char', 16, 'String'),
      value: 'void *',
      padding: native.array('uint8_t', 16),
    });
    call = library('libc.so.6', 'libc6', {
      ioctl: `int ioctl(int fd, unsigned long request, ${ifreq} *value)`,
    });
  }
  return call('ioctl')(fd, SIOCETHTOOL, { name, value, padding: Buffer.alloc(16) });
}

function ethtool(name: string, command: number, value: number, namespace: Namespace | undefined): number {
  const open = () => openSocket(AF_INET, SOCK_DGRAM, 0);
  const fd = namespace ? namespace.run(open) : open();
  try {
    const request = Buffer.alloc(8);
    request.writeUInt32LE(command, 0);
    request.writeUInt32LE(value, 4);
    if (ioctl(fd, name, request) < 0) throw new KernelError(`ethtool ${name}`, koffi().errno());
    return request.readUInt32LE(4);
  } finally {
    closeDescriptor(fd);
  }
}

/** Whether the interface leaves checksums of what it sends to the layer below. @throws KernelError ENODEV */
export function hasTransmitChecksum(name: string, namespace?: Namespace): boolean {
  return ethtool(name, ETHTOOL_GTXCSUM, 0, namespace) !== 0;
}

/** Turns that on or off. */
export function setTransmitChecksum(name: string, on: boolean, namespace?: Namespace): void {
  ethtool(name, ETHTOOL_STXCSUM, on ? 1 : 0, namespace);
}
