/**
 * The foreign-function interface, loaded by its static path so that the compiled executable embeds it.
 *
 * koffi's own entry file looks its native module up at run time, which a single executable cannot do.
 */
import type { LibraryHandle, TypeObject } from 'koffi';
import { CalicoError } from '../../errors.ts';

/** The part of koffi that this room uses. */
interface NativeKoffi {
  load(path: string): LibraryHandle;
  errno(): number;
  struct(name: string, members: Readonly<Record<string, string | TypeObject>>): TypeObject;
  array(type: string, length: number, hint?: 'String'): TypeObject;
}

function loadNative(): NativeKoffi {
  switch (process.arch) {
    case 'x64':
      return require('@koromix/koffi-linux-x64/linux_x64/koffi.node') as NativeKoffi;
    default:
      throw new CalicoError('UNSUPPORTED', `no kernel access on the processor architecture ${process.arch}`, {
        cure: 'Use an x64 machine.',
      });
  }
}

let native: NativeKoffi | undefined;

/** koffi, loaded on first use: programs that never touch the kernel do not pay for it. */
export function koffi(): NativeKoffi {
  native ??= loadNative();
  return native;
}

/** A C function; its arguments are what its C prototype says. Numbers above 2^53 do not occur here. */
export interface CFunction {
  (...args: readonly unknown[]): number;
  /** The same on another thread; the last argument is the callback. */
  readonly async: (...args: readonly unknown[]) => void;
}

/** Makes a loader of C functions from a library that is opened on first use. @throws CalicoError PROGRAM */
export function library<N extends string>(
  soname: string,
  debianPackage: string,
  prototypes: Readonly<Record<N, string>>,
): (name: N) => CFunction {
  const functions = new Map<N, CFunction>();
  let handle: LibraryHandle | undefined;
  return (name) => {
    let found = functions.get(name);
    if (!found) {
      try {
        handle ??= koffi().load(soname);
      } catch (cause) {
        throw new CalicoError('PROGRAM', `the library ${soname} cannot be loaded`, {
          cure: `Install the Debian package ${debianPackage}.`,
          cause,
        });
      }
      found = handle.func(prototypes[name]) as unknown as CFunction;
      functions.set(name, found);
    }
    return found;
  };
}
