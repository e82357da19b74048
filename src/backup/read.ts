/** Reads backups back, refusing what is not whole. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CalicoError } from '../errors.ts';
import type { KeyLine } from './create.ts';
import { type Manifest, parseManifest } from './manifest.ts';

/** A backup in its folder. */
export interface StoredBackup {
  readonly name: string;
  readonly path: string;
  readonly manifest: Manifest;
}

/** All backups of a folder, oldest first; folders of other kinds are passed over. */
export function listBackups(folder: string): readonly StoredBackup[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^calico-\d{8}T\d{6}Z$/.test(name) && existsSync(join(folder, name, 'manifest.json')))
    .sort()
    .map((name) => openBackup(join(folder, name)));
}

/** Opens a backup by its path. @throws CalicoError */
export function openBackup(path: string): StoredBackup {
  const file = join(path, 'manifest.json');
  if (!existsSync(file)) {
    throw new CalicoError('NOT_FOUND', `there is no backup at ${path}`, {
      cure: 'calico backup list shows what there is.',
    });
  }
  return { name: path.split('/').at(-1)!, path, manifest: parseManifest(readFileSync(file, 'utf8'), file) };
}

/** Proves size and checksum of every file. @throws CalicoError INPUT naming the file and what is wrong */
export async function checkFiles({ path, manifest }: StoredBackup): Promise<void> {
  for (const one of manifest.files) {
    const file = join(path, one.name);
    if (!existsSync(file))
      throw new CalicoError('INPUT', `${file} is missing`, { cure: 'The backup is not whole: use another.' });
    const { size } = statSync(file);
    if (size !== one.bytes) {
      throw new CalicoError('INPUT', `${file} has ${size} bytes, the manifest says ${one.bytes}`, {
        cure: 'The backup is truncated or was changed: use another.',
      });
    }
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    if (hash.digest('hex') !== one.sha256) {
      throw new CalicoError('INPUT', `${file} does not have the checksum that the manifest says`, {
        cure: 'The backup was changed: use another.',
      });
    }
  }
}

/** The keys of a backup, in order. @throws CalicoError INPUT naming the line */
export async function* readKeys({
  path,
  manifest,
}: StoredBackup): AsyncGenerator<{ readonly key: string; readonly value: Buffer; readonly leased: boolean }> {
  const file = join(path, 'keys.jsonl');
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number++;
    let entry: Partial<KeyLine> | null;
    try {
      entry = JSON.parse(line) as Partial<KeyLine> | null;
    } catch {
      entry = null;
    }
    if (typeof entry?.k !== 'string' || typeof entry.v !== 'string' || !entry.k.startsWith('/calico/')) {
      throw new CalicoError('INPUT', `${file}:${number} is no key of Calico`, {
        cure: 'The backup was changed: use another.',
      });
    }
    yield { key: entry.k, value: Buffer.from(entry.v, 'base64'), leased: entry.lease !== undefined };
  }
  if (number !== manifest.keys)
    throw new CalicoError('INPUT', `${file} has ${number} keys, the manifest says ${manifest.keys}`);
}
