/** The daemon's log, in the layout of Felix: `2026-09-01 10:00:00.000 [INFO][pid] component: message name=value`. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '../felix/index.ts';

/** Severities, least first. */
export const severities = ['debug', 'info', 'warning', 'error', 'fatal'] as const;

/** A severity. */
export type Severity = (typeof severities)[number];

/** A log whose threshold can change while it runs. */
export interface NodeLog extends Log {
  setLevel(severity: Severity): void;
  /** The same sink under another component's name. */
  child(component: string): NodeLog;
}

/** Where lines go. */
export interface LogSink {
  write(line: string): void;
}

/** Standard output. */
export const standardOutput: LogSink = { write: (line) => void process.stdout.write(line) };

/** A file that is appended to; its folder is made. */
export function fileSink(path: string): LogSink {
  mkdirSync(dirname(path), { recursive: true });
  return { write: (line) => appendFileSync(path, line) };
}

/** Makes a log. Control characters in messages are escaped: what comes from outside cannot forge a line. */
export function makeLog(component: string, sink: LogSink, now: () => Date = () => new Date()): NodeLog {
  const threshold = { value: 1 };
  const make = (name: string): NodeLog => {
    const line = (severity: Severity, message: string, fields?: Readonly<Record<string, unknown>>) => {
      if (severities.indexOf(severity) < threshold.value) return;
      const stamp = now().toISOString().replace('T', ' ').replace('Z', '');
      const tail = Object.entries(fields ?? {}).map(
        ([key, value]) =>
          ` ${key}=${typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`,
      );
      sink.write(
        `${stamp} [${severity.toUpperCase()}][${process.pid}] ${name}: ${escapeControls(message)}${tail.join('')}\n`,
      );
    };
    return {
      debug: (message, fields) => line('debug', message, fields),
      info: (message, fields) => line('info', message, fields),
      warn: (message, fields) => line('warning', message, fields),
      error: (message, fields) => line('error', message, fields),
      setLevel: (severity) => {
        threshold.value = severities.indexOf(severity);
      },
      child: make,
    };
  };
  return make(component);
}

function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
