/** The real host: processes from /proc, BIRD's socket, programs. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { hostname, release } from 'node:os';
import type { HostAccess, HostProcess } from './io.ts';

/** See the module's comment. */
export function realHost(): HostAccess {
  return {
    isRoot: process.getuid?.() === 0,
    hostname: hostname(),
    kernel: release(),
    processes: listProcesses,
    birdQuery,
    run: (program, args) =>
      new Promise((resolve, reject) => {
        execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
          if (error && typeof error.code !== 'number') reject(error);
          else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
        });
      }),
  };
}

function listProcesses(): readonly HostProcess[] {
  const found: HostProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const text = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
      const argv = text.split('\0').filter((word, at, all) => word !== '' || at < all.length - 1);
      if (argv.length > 0) found.push({ pid: Number(entry), argv });
    } catch {
      // The process ended meanwhile.
    }
  }
  return found;
}

/** Milliseconds that BIRD has for each reply. */
const birdTimeout = 2000;

function birdQuery(socket: string, command: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    let text = '';
    let asked = false;
    connection.setEncoding('utf8');
    connection.setTimeout(birdTimeout, () => connection.destroy(new Error('i/o timeout')));
    connection.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === undefined ? error : new Error(dialText(socket, error.code)));
    });
    connection.on('data', (chunk: string) => {
      text += chunk;
      if (!asked && /^0001[^\n]*\n/.test(text)) {
        asked = true;
        connection.write(`${command}\n`);
      } else if (asked && /^(0000|[89]\d\d\d)[^\n]*\n$/m.test(text)) {
        connection.end();
        resolve(text.split('\n').slice(0, -1));
      }
    });
  });
}

function dialText(socket: string, code: string): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    ECONNREFUSED: 'connection refused',
    EACCES: 'permission denied',
  };
  return `dial unix ${socket}: connect: ${reasons[code] ?? code}`;
}
