/** Frames between plugin and calico-node: a 32-bit big-endian length, then JSON. */
import { CalicoError } from '../errors.ts';

/** Longest frame that is taken. */
const maxLength = 16 * 1024 * 1024;

/** A value as a frame. */
export function encodeFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Collects bytes until a frame is whole. */
export class FrameReader {
  #bytes = Buffer.alloc(0);

  /** The value of the frame, once it is whole. @throws CalicoError INPUT */
  push(chunk: Buffer): unknown {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length < 4) return undefined;
    const length = this.#bytes.readUInt32BE(0);
    if (length > maxLength) throw new CalicoError('INPUT', `a frame of ${length} bytes is too long`);
    if (this.#bytes.length < 4 + length) return undefined;
    return JSON.parse(this.#bytes.subarray(4, 4 + length).toString());
  }
}
