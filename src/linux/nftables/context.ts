/**
 * Transactions on nftables through libnftables, without a process per call.
 *
 * A context belongs to the network namespace in which it was made and may be used from outside. Its calls run one after
 * another; {@link NftContext.runAsync} does the work on another thread, which large transactions need so that the event
 * loop never stalls. Rules must name interfaces (`iifname`), not indexes: libnftables resolves those in the namespace
 * of whichever thread runs the call.
 */
import { CalicoError } from '../../errors.ts';
import { library } from '../libc/index.ts';
import { family, NetlinkSocket } from '../netlink/index.ts';
import type { Namespace } from '../netns/index.ts';

const call = library('libnftables.so.1', 'libnftables1', {
  nft_ctx_new: 'void *nft_ctx_new(uint32_t flags)',
  nft_ctx_free: 'void nft_ctx_free(void *context)',
  nft_ctx_buffer_output: 'int nft_ctx_buffer_output(void *context)',
  nft_ctx_buffer_error: 'int nft_ctx_buffer_error(void *context)',
  nft_ctx_get_output_buffer: 'const char *nft_ctx_get_output_buffer(void *context)',
  nft_ctx_get_error_buffer: 'const char *nft_ctx_get_error_buffer(void *context)',
  nft_ctx_output_set_flags: 'void nft_ctx_output_set_flags(void *context, unsigned int flags)',
  nft_run_cmd_from_buffer: 'int nft_run_cmd_from_buffer(void *context, const char *commands)',
});

/** Bits of nft_ctx_output_set_flags. */
const outputFlag = { handle: 1 << 3, json: 1 << 4, terse: 1 << 11 } as const;

/** How a listing is printed. */
export interface NftListOptions {
  /** Leave out the elements of sets and maps. */
  readonly terse?: boolean;
}

/** A transaction that the kernel or the parser refused; nothing of it took effect. */
export class NftError extends CalicoError {
  /** nft's own messages, with line and column in the commands. */
  readonly output: string;

  constructor(output: string) {
    const first = output.split('\n').find((line) => line.trim() !== '') ?? 'no reason given';
    super('KERNEL', `nftables refused a transaction: ${first.replace(/^\S+:\d+:[\d-]+: /, '')}`, {
      ...(output.includes('Operation not permitted')
        ? { cure: 'Run as root, or with the capability NET_ADMIN.' }
        : {}),
      details: { output },
    });
    this.output = output;
  }
}

/** See the file's comment. Making one throws KernelError where the kernel has no netfilter. */
export class NftContext {
  #context: number | undefined;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly namespace?: Namespace } = {}) {
    // libnftables ends the process when the kernel has no netfilter netlink: ask first, so that it is an error.
    new NetlinkSocket(family.netfilter, options).close();
    const make = () => call('nft_ctx_new')(0);
    this.#context = options.namespace ? options.namespace.run(make) : make();
    if (!this.#context) throw new CalicoError('KERNEL', 'libnftables gave no context');
    call('nft_ctx_buffer_output')(this.#context);
    call('nft_ctx_buffer_error')(this.#context);
  }

  /** Runs commands as one transaction and returns what they print. Not while an asynchronous run is under way. */
  run(commands: string): string {
    return this.#runWith(0, commands);
  }

  /** The same on another thread, after all runs that were asked for before. */
  runAsync(commands: string): Promise<string> {
    return this.#enqueue(0, commands);
  }

  /** The objects of a listing (`list table ip calico`) in nft's JSON, handles included. */
  async list(
    command: string,
    options: NftListOptions = {},
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const flags = outputFlag.json | outputFlag.handle | (options.terse ? outputFlag.terse : 0);
    const text = await this.#enqueue(flags, command);
    const parsed: unknown = text === '' ? { nftables: [] } : JSON.parse(text);
    if (
      typeof parsed === 'object' &&
      parsed !== null &&
      'nftables' in parsed &&
      Array.isArray(parsed.nftables)
    ) {
      return parsed.nftables;
    }
    throw new CalicoError('INTERNAL', 'nftables printed a listing of an unknown shape');
  }

  /** Frees the context once no run is under way. */
  close(): void {
    const context = this.#context;
    this.#context = undefined;
    if (context !== undefined) void this.#busy.finally(() => call('nft_ctx_free')(context));
  }

  #runWith(flags: number, commands: string): string {
    const context = this.#handle();
    call('nft_ctx_output_set_flags')(context, flags);
    return this.#result(call('nft_run_cmd_from_buffer')(context, commands));
  }

  #enqueue(flags: number, commands: string): Promise<string> {
    const run = this.#busy.then(
      () =>
        new Promise<string>((resolve, reject) => {
          const context = this.#handle();
          call('nft_ctx_output_set_flags')(context, flags);
          call('nft_run_cmd_from_buffer').async(context, commands, (error: unknown, code: number) => {
            if (error) reject(error);
            else {
              try {
                resolve(this.#result(code, context));
              } catch (refusal) {
                reject(refusal);
              }
            }
          });
        }),
    );
    this.#busy = run.catch(() => undefined);
    return run;
  }

  #handle(): number {
    if (this.#context === undefined) throw new CalicoError('INTERNAL', 'the nftables context is closed');
    return this.#context;
  }

  #result(code: number, context = this.#handle()): string {
    const output = text(call('nft_ctx_get_output_buffer')(context));
    const error = text(call('nft_ctx_get_error_buffer')(context));
    if (code !== 0) throw new NftError(error);
    return output;
  }
}

/** koffi turns `const char *` into a string, or null. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
