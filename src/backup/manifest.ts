/** What a backup says of itself: enough to refuse one that is truncated, altered or foreign. */
import { CalicoError } from '../errors.ts';

/** The first line of a manifest file is this object as JSON. */
export interface Manifest {
  readonly format: 'calico-backup/1';
  /** RFC 3339. */
  readonly time: string;
  /** The etcd cluster it came from. */
  readonly clusterId: string;
  /** The one revision of everything in it. */
  readonly revision: string;
  readonly keys: number;
  readonly calicoVersion: string;
  readonly clusterGuid: string;
  readonly datastoreReady: boolean;
  readonly files: readonly {
    readonly name: string;
    readonly kind: 'keys' | 'snapshot';
    readonly bytes: number;
    readonly sha256: string;
  }[];
}

/** Reads a manifest. @throws CalicoError INPUT naming the file and what is wrong */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CalicoError('INPUT', `${file} is not the manifest of a backup`, {
      cure: 'Name a folder that calico backup create made.',
    });
  }
  const manifest = value as Partial<Manifest> | null;
  const good =
    manifest?.format === 'calico-backup/1' &&
    typeof manifest.revision === 'string' &&
    /^\d+$/.test(manifest.revision) &&
    typeof manifest.keys === 'number' &&
    Array.isArray(manifest.files) &&
    manifest.files.every(
      (one) =>
        /^[a-z0-9.-]+$/.test(one.name) && typeof one.bytes === 'number' && /^[0-9a-f]{64}$/.test(one.sha256),
    );
  if (!good) {
    throw new CalicoError(
      'INPUT',
      `${file} is a manifest of another kind (${String(manifest?.format ?? 'no format')})`,
      {
        cure: 'Use the release of calico that made it.',
      },
    );
  }
  return manifest as Manifest;
}
