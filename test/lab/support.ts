/** Labs for tests: the compiled executable, a state folder of the test's own. Runs in the isolated test environment. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckReport, LabStatus } from '../../src/lab/index.ts';

const root = join(import.meta.dirname, '..', '..');
const executable = process.env['CALICO_TEST_EXECUTABLE'] ?? join(root, 'dist', 'calico');

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One lab, or none, under a name of its own. */
export class TestLab {
  readonly name: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'calico-lab-'));

  constructor(name: string) {
    if (!existsSync(executable)) throw new Error(`${executable} is missing: npm run build`);
    this.name = name;
  }

  get environment(): Record<string, string> {
    return { ...(process.env as Record<string, string>), CALICO_LAB_DIR: this.folder };
  }

  /** Runs `calico lab COMMAND --name … ARGUMENTS`. */
  run(command: string, ...args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(
        executable,
        ['lab', command, '--name', this.name, ...args],
        { cwd: root, env: this.environment, maxBuffer: 1 << 26 },
        (error, stdout, stderr) => {
          const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
          resolve({ code, stdout, stderr });
        },
      );
    });
  }

  /** The same, for what must succeed; gives the output. */
  async must(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0)
      throw new Error(`lab ${command} ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
    return stdout;
  }

  /** Brings up an example's inventory. */
  up(inventory: string, ...args: readonly string[]): Promise<string> {
    return this.must('up', '-i', inventory, ...args);
  }

  /** Starts `calico lab up` and gives the process. */
  startUp(inventory: string) {
    return spawn(executable, ['lab', 'up', '--name', this.name, '-i', inventory], {
      cwd: root,
      env: this.environment,
      stdio: 'ignore',
    });
  }

  /** Runs a program on a host or in a pod. */
  exec(target: string, ...command: readonly string[]): Promise<string> {
    return this.must('exec', target, '--', ...command);
  }

  async status(): Promise<LabStatus> {
    return JSON.parse(await this.must('status', '-o', 'json')) as LabStatus;
  }

  /** The check's report, whatever it found. */
  async check(): Promise<CheckReport> {
    return JSON.parse((await this.run('check', '-o', 'json')).stdout) as CheckReport;
  }

  /** Repeats the check until nothing differs; the last differences are in the error when it never does. */
  async settled(limit = 20_000): Promise<void> {
    const until = performance.now() + limit;
    for (;;) {
      const { differences } = await this.check();
      if (differences.length === 0) return;
      if (performance.now() > until)
        throw new Error(`still differs: ${JSON.stringify(differences, null, 1)}`);
    }
  }

  /** Address of a pod. */
  async address(target: string): Promise<string> {
    const { pods } = await this.status();
    return pods.find(({ host, name }) => `${host}/${name}` === target)!.addresses[0]!;
  }

  async down(): Promise<void> {
    await this.run('down');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Inventory of the driving document. */
export const documentInventory = join('examples', 'kubespray-rr', 'hosts.ini');
