/**
 * The first process under user-mode-linux: readies the kernel, starts the lab's holder as on any machine, and answers
 * over the serial line. When the holder ends, the kernel does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { CalicoError, messageOf } from '../../errors.ts';
import { RtNetlink, runProgram } from '../../linux/index.ts';
import { OrphanReaper } from '../holder/orphans.ts';
import { launch } from '../launch.ts';
import { isRunning, LabState } from '../state.ts';
import { encodeFrame, FrameReader, greeting } from './frames.ts';
import { neededModules, serialLine, umlModules } from './kernel.ts';
import { Lines, type RunInput, type RunOutput, type RunRequest } from './run-protocol.ts';

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs until the kernel ends. */
export async function guest(argv: readonly string[]): Promise<number> {
  if (process.pid !== 1)
    throw new CalicoError('USAGE', 'calico lab guest is what calico lab up starts', {
      cure: 'Run: calico lab up',
    });
  const [name = ''] = argv;
  process.env['PATH'] = searchPath;
  const outer = new LabState(name);
  try {
    const inner = await prepare(outer);
    const reaper = new OrphanReaper();
    setInterval(() => reaper.look(), 1000);
    await launch(inner, {
      ...outer.spec(),
      executable: join(outer.directory, 'bin', 'calico'),
      kernel: 'host',
    });
    const line = await SerialLine.open(inner);
    line.send(greeting, 'ready');
    await ended(inner);
    appendFileSync(outer.log, existsSync(inner.log) ? readFileSync(inner.log) : '');
  } catch (error) {
    appendFileSync(outer.log, `under user-mode-linux: ${messageOf(error)}\n`);
  }
  return 1;
}

/** Mounts, modules, loopback; the lab's files are in memory, as Unix sockets are not seen through the host's files. */
async function prepare(outer: LabState): Promise<LabState> {
  const mount = (type: string, where: string, ...options: readonly string[]) =>
    runProgram('mount', ['-n', '-t', type, ...options, type, where]);
  await mount('sysfs', '/sys');
  await mount('tmpfs', '/run', '-o', 'mode=755');
  mkdirSync('/run/netns');
  if (!existsSync(serialLine.device)) await mount('devtmpfs', '/dev');
  for (const [folder, type] of [
    ['/dev/pts', 'devpts'],
    ['/dev/shm', 'tmpfs'],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    await mount(type, folder);
  }
  const labs = join(outer.directory, 'inside');
  mkdirSync(labs, { recursive: true });
  await mount('tmpfs', labs, '-o', 'mode=700');
  mkdirSync('/run/modules/lib', { recursive: true });
  symlinkSync(umlModules, '/run/modules/lib/modules');
  const missing = neededModules.filter((one) => !built(one));
  await runProgram('modprobe', ['-d', '/run/modules', '-a', ...missing]);
  const netlink = new RtNetlink();
  netlink.setLink('lo', { up: true });
  netlink.close();
  return new LabState(outer.name, { CALICO_LAB_DIR: labs });
}

/** Whether a module is part of the kernel itself. */
function built(module: string): boolean {
  const lists = readdirSync(umlModules).map((release) => join(umlModules, release, 'modules.builtin'));
  return lists.some((file) => existsSync(file) && readFileSync(file, 'utf8').includes(`/${module}.ko`));
}

async function ended(inner: LabState): Promise<void> {
  for (;;) {
    const record = inner.record();
    if (record && !isRunning(record.holder)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Our end of the serial line. */
class SerialLine {
  readonly #descriptor: number;
  readonly #inner: LabState;
  readonly #conversations = new Map<number, Conversation>();

  private constructor(descriptor: number, inner: LabState) {
    this.#descriptor = descriptor;
    this.#inner = inner;
  }

  static async open(inner: LabState): Promise<SerialLine> {
    const descriptor = openSync(serialLine.device, 'r+');
    await runProgram('stty', ['-F', serialLine.device, 'raw', '-echo']);
    const line = new SerialLine(descriptor, inner);
    line.#listen();
    return line;
  }

  send(id: number, text: string | undefined): void {
    const bytes = Buffer.from(encodeFrame({ id, text }));
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  #listen(): void {
    const reader = new FrameReader();
    const buffer = Buffer.alloc(65_536);
    const next = () =>
      read(this.#descriptor, buffer, 0, buffer.length, null, (error, count) => {
        if (error) throw error;
        for (const { id, text } of reader.read(buffer.toString('latin1', 0, count))) this.#take(id, text);
        next();
      });
    next();
  }

  #take(id: number, text: string | undefined): void {
    let conversation = this.#conversations.get(id);
    if (!conversation) {
      if (text === undefined) return;
      conversation = new Conversation(
        this.#inner,
        (reply) => this.send(id, reply),
        () => {
          if (this.#conversations.delete(id)) this.send(id, undefined);
        },
      );
      this.#conversations.set(id, conversation);
    }
    if (text !== undefined) {
      conversation.take(text);
      return;
    }
    this.#conversations.delete(id);
    conversation.close();
  }
}

/** One conversation: with the holder, or with a program. The first line decides. */
class Conversation {
  readonly #inner: LabState;
  readonly #send: (text: string) => void;
  readonly #end: () => void;
  readonly #lines = new Lines();
  #child: ChildProcess | undefined;
  #holder: Socket | undefined;
  #begun = false;

  constructor(inner: LabState, send: (text: string) => void, end: () => void) {
    this.#inner = inner;
    this.#send = send;
    this.#end = end;
  }

  take(text: string): void {
    for (const line of this.#lines.read(text)) {
      if (this.#child) this.#feed(this.#child, JSON.parse(line) as RunInput);
      else if (!this.#begun) {
        this.#begun = true;
        const request = JSON.parse(line) as RunRequest | { readonly op: 'other' };
        if (request.op === 'run') this.#run(request);
        else this.#talk(line, 250);
      }
    }
  }

  /** The other side has gone. */
  close(): void {
    this.#child?.kill('SIGHUP');
    this.#holder?.destroy();
  }

  /** Passes the request to the holder, which listens a moment after it was started. */
  #talk(line: string, attempts: number): void {
    let heard = false;
    const socket = connect(this.#inner.socket);
    this.#holder = socket;
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${line}\n`));
    socket.on('data', (chunk) => {
      heard = true;
      this.#send(String(chunk));
    });
    socket.on('error', (error) => {
      if (!heard && attempts > 0) {
        setTimeout(() => this.#talk(line, attempts - 1), 40);
        return;
      }
      this.#send(
        `${JSON.stringify({ kind: 'error', message: `the lab does not answer: ${error.message}` })}\n`,
      );
      this.#end();
    });
    socket.on('end', () => this.#end());
  }

  #run({ place, command }: RunRequest): void {
    const holder = String(this.#inner.runningHolder());
    const words =
      place === 'kernel'
        ? command
        : ['nsenter', '--mount', '--pid', '--net', '--target', holder, '--', ...command];
    const say = (output: RunOutput) => this.#send(`${JSON.stringify(output)}\n`);
    const child = spawn(words[0]!, words.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: searchPath,
        HOME: '/root',
        LANG: 'C.UTF-8',
        TERM: 'dumb',
        CALICO_LAB_DIR: join(this.#inner.directory, '..'),
      },
    });
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => say({ output: chunk.toString('base64') }));
    child.stderr.on('data', (chunk: Buffer) => say({ error: chunk.toString('base64') }));
    child.stdin.on('error', () => {});
    child.once('error', (error) => {
      say({ failure: error.message });
      this.#end();
    });
    child.once('close', (code, signal) => {
      say({ exit: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
      this.#end();
    });
  }

  #feed(child: ChildProcess, input: RunInput): void {
    if ('input' in input) child.stdin?.write(Buffer.from(input.input, 'base64'));
    else if ('end' in input) child.stdin?.end();
    else child.kill(input.signal);
  }
}
