/** A table as iptables-save shows it: our chains and our rules in the kernel's chains. */

/** See the file's comment. */
export interface IptablesState {
  /** Hash comments of the rules of each chain that is ours; a rule without one is `''`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Of each built-in chain: for every rule its hash comment, or `''` where it is somebody else's. */
  readonly hooks: ReadonlyMap<string, readonly string[]>;
}

const ownPrefixes = ['cali-', 'califw-', 'calitw-', 'califh-', 'calith-', 'calipi-', 'calipo-', 'felix-'];

/** Whether a chain is ours, or was of an older release. */
export function isOwnChain(name: string): boolean {
  return ownPrefixes.some((prefix) => name.startsWith(prefix));
}

/** Reads the text of iptables-save for one table. */
export function parseSave(text: string): IptablesState {
  const chains = new Map<string, string[]>();
  const hooks = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared) {
      const name = declared[1]!;
      if (declared[2] !== '-') hooks.set(name, []);
      else if (isOwnChain(name)) chains.set(name, []);
      continue;
    }
    const name = /^-A (\S+)/.exec(line)?.[1];
    if (name === undefined) continue;
    const hash = /--comment "?(cali:[A-Za-z0-9_-]+)"?(?: |$)/.exec(line)?.[1];
    (chains.get(name) ?? hooks.get(name))?.push(hash ?? '');
  }
  return { chains, hooks };
}

/** The hash comment of a line that we made. */
export function hashOf(line: string): string {
  return /--comment "(cali:[A-Za-z0-9_-]+)"/.exec(line)?.[1] ?? '';
}
