/** The name of this node. Upstream: node/pkg/lifecycle/utils (DetermineNodeName). */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CalicoError } from '../errors.ts';

/** NODENAME, else the file that start-up wrote, else HOSTNAME, else the host's name; the last two in lower case. */
export function determineNodeName(
  env: Readonly<Record<string, string | undefined>>,
  nodenameFile: string,
): string {
  const name =
    env['NODENAME']?.trim() ||
    readIfThere(nodenameFile) ||
    env['HOSTNAME']?.trim().toLowerCase() ||
    hostname().trim().toLowerCase();
  // The name becomes part of etcd keys, file names and BIRD's configuration.
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?$/.test(name)) {
    throw new CalicoError('INPUT', `${JSON.stringify(name)} cannot be a node name`, {
      cure: 'Set NODENAME to letters, digits, dots and dashes.',
    });
  }
  return name;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
