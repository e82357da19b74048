/**
 * Several conversations over one byte stream. A frame is one line: `[id, "text"]` carries text of a conversation,
 * `[id]` ends it. The first frame with a new id opens one. Pure.
 */

/** Id of the first frame: the guest's word that it listens. */
export const greeting = 0;

/** A frame: what was said, or the end. */
export interface Frame {
  readonly id: number;
  readonly text: string | undefined;
}

/** A frame as it travels. Only ASCII: the stream may cut it anywhere. */
export function encodeFrame({ id, text }: Frame): string {
  const json = JSON.stringify(text === undefined ? [id] : [id, text]);
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${json.replaceAll(/[\u007f-\uffff]/g, escaped)}\n`;
}

/** Takes bytes as they come and gives frames as they are complete. Lines that are no frame are left out. */
export class FrameReader {
  #rest = '';

  read(chunk: string): readonly Frame[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop()!;
    return lines.flatMap((line) => {
      const frame = parseFrame(line);
      return frame ? [frame] : [];
    });
  }
}

function parseFrame(line: string): Frame | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!Array.isArray(value)) return undefined;
    const [id, text] = value as readonly unknown[];
    if (typeof id !== 'number') return undefined;
    return { id, text: typeof text === 'string' ? text : undefined };
  } catch {
    return undefined;
  }
}
