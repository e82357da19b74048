/** Runs one of the few programs that have no library: iptables, ipset, modprobe. */
import { spawn } from 'node:child_process';
import { CalicoError } from '../../errors.ts';

/** How a program is run. */
export interface RunProgramOptions {
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds after which the program is killed; default one minute. */
  readonly timeout?: number;
  /** Debian package that has it, for the message when it is missing. */
  readonly debianPackage?: string;
}

/** A program that ended with an error. */
export class ProgramError extends CalicoError {
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly stdout: string;

  constructor(name: string, exitCode: number | undefined, stderr: string, stdout = '') {
    const first = stderr.split('\n').find((line) => line.trim() !== '');
    super(
      'PROGRAM',
      `${name} ${exitCode === undefined ? 'was ended' : `failed with code ${exitCode}`}: ${first ?? 'it said nothing'}`,
      {
        details: { stderr },
      },
    );
    this.exitCode = exitCode;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** Runs a program and returns its output. @throws ProgramError, or CalicoError PROGRAM when it is not installed */
export function runProgram(
  name: string,
  args: readonly string[],
  options: RunProgramOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.on('error', (cause) => {
      const missing = 'code' in cause && cause.code === 'ENOENT';
      reject(
        new CalicoError(
          'PROGRAM',
          missing ? `the program ${name} is not installed` : `cannot run ${name}: ${cause.message}`,
          {
            ...(options.debianPackage
              ? { cure: `Install the Debian package ${options.debianPackage}.` }
              : {}),
            cause,
          },
        ),
      );
    });
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else
        reject(
          new ProgramError(
            name,
            code ?? undefined,
            Buffer.concat(err).toString(),
            Buffer.concat(out).toString(),
          ),
        );
    });
    child.stdin.end(options.input ?? '');
  });
}
