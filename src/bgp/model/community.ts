/** Communities as `a:b` (16 bits each) or `a:b:c` (32 bits each). */
import type { Community } from './state.ts';

/** Reads a community; `undefined` when the text is none. */
export function tryParseCommunity(text: string): Community | undefined {
  if (!/^\d{1,10}(:\d{1,10}){1,2}$/.test(text)) return undefined;
  const numbers = text.split(':').map(Number);
  const limit = numbers.length === 2 ? 0xffff : 0xffffffff;
  if (numbers.some((one) => one > limit)) return undefined;
  return numbers as unknown as Community;
}

/** The text that {@link tryParseCommunity} reads. */
export function formatCommunity(community: Community): string {
  return community.join(':');
}
