/** Runs a command under Debian's user-mode-linux kernel, which has what this machine's may lack (IPIP). */
import { spawn } from 'node:child_process';
import { accessSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const kernel = '/usr/bin/linux.uml';
const modules = '/usr/lib/uml/modules';

/** Whether the kernel is installed. */
export function umlInstalled(): boolean {
  try {
    accessSync(kernel);
    return readdirSync(modules).length > 0;
  } catch {
    return false;
  }
}

/** What a run gave. */
export interface UmlRun {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/**
 * Boots the kernel on this file system with fresh /proc, /sys, /run, loads the modules and runs the command as root.
 * Nothing is written to the file system but what the command itself writes.
 */
export function runInUml(
  command: readonly string[],
  options: { readonly modules: readonly string[]; readonly seconds?: number },
): Promise<UmlRun> {
  const folder = mkdtempSync(join(tmpdir(), 'uml-'));
  const init = join(folder, 'init');
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  writeFileSync(
    init,
    `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/m/lib; ln -s ${modules} /run/m/lib/modules
ip link set lo up
for m in ${options.modules.map(quote).join(' ')}; do modprobe -d /run/m $m; done
cd ${quote(process.cwd())}
${command.map(quote).join(' ')}
echo "uml-exit:$?:"
halt -f
`,
    { mode: 0o755 },
  );
  return new Promise((resolve, reject) => {
    const child = spawn(
      kernel,
      [
        'mem=768M',
        'rootfstype=hostfs',
        'rootflags=/',
        'rw',
        'quiet',
        'con=null',
        'con0=null,fd:1',
        `init=${init}`,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'], timeout: (options.seconds ?? 90) * 1000, killSignal: 'SIGKILL' },
    );
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', () => {
      rmSync(folder, { recursive: true, force: true });
      const output = Buffer.concat(chunks).toString();
      const exit = /uml-exit:(\d+):/.exec(output)?.[1];
      resolve({ exitCode: exit === undefined ? undefined : Number(exit), output });
    });
  });
}
