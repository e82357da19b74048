/** Replays one run of the installer in a folder that stands for the container's root. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installCni } from '../../../src/cni/index.ts';
import { difference } from './normal.ts';
import type { RecordedFile, Step } from './scenario.ts';

/** Runs the installer; what differs of its exit and of the files below /host. */
export function replayInstall(step: Step, older: boolean): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), 'install-'));
  try {
    for (const [path, file] of Object.entries(step.files_before ?? {})) make(root, path, file);
    const programs = join(root, 'container-programs');
    mkdirSync(programs);
    for (const name of step.container_binaries ?? []) {
      writeFileSync(join(programs, name), `#!/bin/sh\necho v9.9.9-${name}\n`, { mode: 0o755 });
    }
    const exit = run(step, root, programs);
    const lines = exit === step.exit ? [] : [`exit: recorded ${step.exit}, ours ${exit}`];
    const recorded = hostFiles(Object.entries(step.files_after ?? step.files_before ?? {}), older);
    const ours = hostFiles(walk(root, '/host/'), older);
    return [...lines, ...difference(recorded, ours)];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function run(step: Step, root: string, programs: string): number {
  const file = step.env?.['CNI_NETWORK_CONFIG_FILE'];
  try {
    installCni({
      env: {
        ...step.env,
        TLS_ASSETS_DIR: join(root, 'calico-secrets'),
        ...(file ? { CNI_NETWORK_CONFIG_FILE: join(root, file) } : {}),
      },
      programs,
      hostRoot: join(root, 'host'),
      hostname: 'host1',
      serviceAccount: join(root, 'var/run/secrets/kubernetes.io/serviceaccount'),
    });
    return 0;
  } catch {
    return 1;
  }
}

function make(root: string, path: string, file: RecordedFile): void {
  const target = join(root, path);
  mkdirSync(path.endsWith('/') ? target : dirname(target), { recursive: true });
  if (!path.endsWith('/')) writeFileSync(target, file.content ?? '');
  chmodSync(target, Number.parseInt(file.mode, 8));
}

function walk(root: string, folder: string): readonly (readonly [string, RecordedFile])[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    const mode = (statSync(join(root, path)).mode & 0o7777).toString(8).padStart(4, '0');
    if (entry.isDirectory()) return walk(root, `${path}/`);
    return [[path, { mode, content: readFileSync(join(root, path), 'utf8') }] as const];
  });
}

/** Files below /host; what is in programs, tokens and certificates are of no account, and of v3.15 only which files there are. */
function hostFiles(files: readonly (readonly [string, RecordedFile])[], older: boolean): unknown {
  return Object.fromEntries(
    files
      .filter(
        ([path]) => path.startsWith('/host/') && !path.endsWith('/') && !(older && path.endsWith('/install')),
      )
      .map(([path, { mode, content }]) => [
        path,
        older
          ? 'there'
          : {
              mode,
              content: path.startsWith('/host/opt/')
                ? 'a program'
                : content?.replace(/(token|certificate-authority-data): .*/g, '$1: …').trimEnd(),
            },
      ]),
  );
}
