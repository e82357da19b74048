/** sockaddr_in and sockaddr_in6 as bytes. */
import { type Address, addressToBytes } from '../../ip/index.ts';

/** AF_INET and AF_INET6. */
export const socketDomain = { 4: 2, 6: 10 } as const;

/** The sockaddr of an address and port. */
export function sockaddr(address: Address, port: number): Uint8Array {
  const bytes = Buffer.alloc(address.version === 4 ? 16 : 28);
  bytes.writeUInt16LE(socketDomain[address.version], 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(addressToBytes(address), address.version === 4 ? 4 : 8);
  return bytes;
}
