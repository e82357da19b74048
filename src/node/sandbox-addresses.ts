/** Which addresses the host's network namespaces have: what a sandbox uses is never garbage, whoever made it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isNamespace, Namespace, netnsDirectory, RtNetlink } from '../linux/index.ts';

/** Where runtimes keep the namespaces of sandboxes. */
const directories = [netnsDirectory, '/run/docker/netns'];

/** Addresses, without prefix, of all interfaces of this host and of all its sandboxes. */
export function sandboxAddresses(): ReadonlySet<string> {
  const found = new Set<string>();
  collect(found, undefined);
  for (const path of directories.flatMap(entriesOf)) {
    if (!isNamespace(path)) continue;
    const namespace = Namespace.open(path);
    try {
      collect(found, namespace);
    } finally {
      namespace.close();
    }
  }
  return found;
}

function collect(found: Set<string>, namespace: Namespace | undefined): void {
  const netlink = new RtNetlink(namespace ? { namespace } : {});
  try {
    for (const { address } of netlink.addresses()) found.add(address.split('/', 1)[0]!);
  } finally {
    netlink.close();
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
}
