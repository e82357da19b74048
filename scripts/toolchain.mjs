// Where this checkout's own tools are. Nothing here depends on an npm package, so that it runs before `npm ci`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root folder of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folder with the tools that npm installed. */
export const bin = join(root, 'node_modules', '.bin');

/**
 * Bun's executable. npm's own link is made by an install script, which npm may refuse to run, so the
 * executable inside the platform package is taken directly.
 */
export function bunPath() {
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
  for (const name of [`bun-linux-${arch}`, `bun-linux-${arch}-baseline`]) {
    const path = join(root, 'node_modules', '@oven', name, 'bin', 'bun');
    if (existsSync(path)) return path;
  }
  return join(bin, 'bun');
}
