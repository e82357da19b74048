/** Where something stands in a file, and errors that say so. */
import { CalicoError } from '../../errors.ts';

/** A place in a source, counted from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `file:line` as it is shown; without a line for things that have none (extra variables). */
export function showPosition(position: Position): string {
  return position.line === 0 ? position.file : `${position.file}:${position.line}`;
}

/** An error in a file: names the place and the cure. */
export function inputError(position: Position, message: string, cure: string): CalicoError {
  const place = position.line === 0 ? position.file : `${position.file}:${position.line}:${position.column}`;
  return new CalicoError('INPUT', `${place}: ${message}`, { cure, details: { ...position } });
}

/** Line and column of an offset. */
export function positionAt(file: string, source: string, offset: number): Position {
  const before = source.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++;
  return { file, line, column: before.length - lineStart + 1 };
}

/** A function from offsets to positions that reads the text once. */
export function positionsIn(file: string, source: string): (offset: number) => Position {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
