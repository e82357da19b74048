/** Log lines on stderr in logrus' text form, for `--log-level`. */
import type { CtlIo } from './io.ts';

const levels = ['panic', 'fatal', 'error', 'warn', 'info', 'debug'] as const;

/** A log level of the command line. */
export type LogLevel = (typeof levels)[number];

const chosen = new WeakMap<object, LogLevel>();

/** Sets the level of a run; false when the text names none. */
export function setLogLevel(text: string, io: CtlIo): boolean {
  const wanted = text.toLowerCase() === 'warning' ? 'warn' : text.toLowerCase();
  const level = levels.find((candidate) => candidate === wanted);
  if (level === undefined) return text.toLowerCase() === 'trace';
  chosen.set(io.env, level);
  return true;
}

/** Writes a line if the level of the run admits it. */
export function log(
  io: CtlIo,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string>> = {},
): void {
  const limit = chosen.get(io.env) ?? 'panic';
  if (levels.indexOf(level) > levels.indexOf(limit)) return;
  const time = io
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
  const pairs = Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ` ${name}=${/^[\w.+/@^-]*$/.test(value) ? value : JSON.stringify(value)}`)
    .join('');
  io.stderr(`time="${time}" level=${level} msg=${JSON.stringify(message)}${pairs}\n`);
}
