/** Addresses as specs hold them: with or without a prefix length. */
import { formatAddress, tryParseAddress } from '../../ip/index.ts';

/** The address of `a.b.c.d` or `a.b.c.d/len`, in canonical form; `undefined` for anything else. */
export function parseAddressOrCidr(text: string): string | undefined {
  const address = tryParseAddress(text.replace(/\/\d+$/, ''));
  return address === undefined ? undefined : formatAddress(address);
}
