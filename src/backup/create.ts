/**
 * A backup: every key below /calico/ at one revision, one JSON line each, and if asked for etcd's own snapshot. Written
 * beside its final place and renamed when everything in it is proven.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EtcdClient, KvPair } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import type { Manifest } from './manifest.ts';

/** What to make. */
export interface CreateOptions {
  readonly client: EtcdClient;
  /** Folder that holds all backups. */
  readonly folder: string;
  readonly withSnapshot: boolean;
  readonly now: Date;
  readonly signal?: AbortSignal;
  /** Keys written so far. */
  readonly onProgress?: (keys: number) => void;
}

/** Keys per page: well below etcd's message limit. */
const page = 1000;

/** A line of the key file: key, value and lease, the latter two in base64 and decimal. */
export interface KeyLine {
  readonly k: string;
  readonly v: string;
  readonly lease?: string;
}

/** Makes a backup and returns its name. @throws CalicoError; nothing is left behind then */
export async function createBackup(
  options: CreateOptions,
): Promise<{ readonly name: string; readonly manifest: Manifest }> {
  const { client, folder, now } = options;
  const name = `calico-${now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z')}`;
  const unfinished = join(folder, `.${name}.part`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(unfinished, { mode: 0o700 });
  try {
    const status = await client.status();
    const keys = await writeKeys(join(unfinished, 'keys.jsonl'), options);
    const files: Manifest['files'][number][] = [{ name: 'keys.jsonl', kind: 'keys', ...keys.file }];
    if (options.withSnapshot)
      files.push({
        name: 'snapshot.db',
        kind: 'snapshot',
        ...(await writeSnapshot(join(unfinished, 'snapshot.db'), options)),
      });
    const manifest: Manifest = {
      format: 'calico-backup/1',
      time: now.toISOString(),
      clusterId: status.clusterId,
      revision: keys.revision,
      keys: keys.count,
      ...keys.cluster,
      files,
    };
    const out = new HashedFile(join(unfinished, 'manifest.json'));
    out.write(`${JSON.stringify(manifest)}\n`);
    out.close();
    renameSync(unfinished, join(folder, name));
    return { name, manifest };
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function writeKeys(path: string, { client, signal, onProgress }: CreateOptions) {
  const out = new HashedFile(path);
  let revision: string | undefined;
  let count = 0;
  let cluster = { calicoVersion: '', clusterGuid: '', datastoreReady: false };
  let from = '/calico/';
  for (;;) {
    signal?.throwIfAborted();
    const result = await client.range({
      key: from,
      end: '/calico0',
      limit: page,
      ...(revision === undefined ? {} : { revision }),
    });
    revision ??= result.revision;
    for (const pair of result.pairs) {
      const line: KeyLine = {
        k: pair.key,
        v: Buffer.from(pair.value).toString('base64'),
        ...(pair.lease === '0' ? {} : { lease: pair.lease }),
      };
      out.write(`${JSON.stringify(line)}\n`);
      if (pair.key.endsWith('/clusterinformations/default')) cluster = clusterFacts(pair);
      count++;
    }
    onProgress?.(count);
    const last = result.pairs.at(-1);
    if (!result.more || !last) break;
    from = `${last.key}\0`;
  }
  return { file: out.close(), revision, count, cluster };
}

function clusterFacts(pair: KvPair): Pick<Manifest, 'calicoVersion' | 'clusterGuid' | 'datastoreReady'> {
  try {
    const { spec = {} } = JSON.parse(Buffer.from(pair.value).toString('utf8')) as {
      spec?: Record<string, unknown>;
    };
    return {
      calicoVersion: String(spec['calicoVersion'] ?? ''),
      clusterGuid: String(spec['clusterGUID'] ?? ''),
      datastoreReady: spec['datastoreReady'] === true,
    };
  } catch {
    return { calicoVersion: '', clusterGuid: '', datastoreReady: false };
  }
}

/** etcd closes its snapshot with the SHA-256 of what came before. */
async function writeSnapshot(path: string, { client, signal }: CreateOptions) {
  const out = new HashedFile(path);
  const content = createHash('sha256');
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of client.snapshot(signal ? { signal } : {})) {
    const all = Buffer.concat([tail, chunk.blob]);
    const body = all.subarray(0, Math.max(0, all.length - 32));
    content.update(body);
    tail = Buffer.from(all.subarray(body.length));
    out.write(Buffer.from(chunk.blob));
  }
  const digest = content.digest();
  if (!digest.equals(tail)) {
    throw new CalicoError('DATASTORE', 'etcd sent a snapshot whose checksum does not match', {
      cure: 'Try again; check the disk of that member.',
    });
  }
  return out.close();
}

/** A file of mode 0600 that knows its own size and checksum. */
class HashedFile {
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
  }

  write(data: string | Buffer): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
  }

  close(): { readonly bytes: number; readonly sha256: string } {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
