/**
 * Text to the standard streams, written at once. `process.stdout` costs a whole-process run 8 ms of start-up before its
 * first byte, and what it holds back is lost when the process ends.
 */
import { writeSync } from 'node:fs';

const pauseMs = 1;

/** Writes to standard output; returns when the reader has it. */
export function writeOut(text: string): void {
  write(1, text);
}

/** Writes to standard error; returns when the reader has it. */
export function writeErr(text: string): void {
  write(2, text);
}

function write(descriptor: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // Nobody reads any more, as with `| head`.
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      // A pipe that another process made non-blocking, and it is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  }
}
