/** The command line of calico-node: upstream's flags with one dash, ours with two, and words. */
import { CalicoError } from '../errors.ts';

/** What was asked for. */
export type NodeCommand =
  | { readonly kind: 'run' }
  | { readonly kind: 'startup' }
  | { readonly kind: 'probe'; readonly flags: ReadonlySet<string>; readonly thresholdSeconds: number }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'allocate-tunnel-addresses' }
  | { readonly kind: 'show-status' }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  | { readonly kind: 'install-cni' }
  | { readonly kind: 'config'; readonly why: string | undefined; readonly json: boolean };

const probes = ['felix-live', 'felix-ready', 'bird-live', 'bird-ready', 'bird6-live', 'bird6-ready'] as const;

/** Usage text. */
export const usage = `Usage: calico-node [FLAGS]

Without flags: start-up checks, then the agent, BIRD and the CNI socket, until it is stopped.

  -startup                      only the start-up steps
  -allocate-tunnel-addrs        only the tunnel addresses
  -felix-live -felix-ready      probe the agent           (exit 0, or a reason and exit 1)
  -bird-live  -bird-ready       probe BIRD, IPv4
  -bird6-live -bird6-ready      probe BIRD, IPv6
  -threshold-time=30s           how long all peers, not one, must be established
  -shutdown                     note the time of a planned stop
  -show-status                  BGP sessions of this node
  install-cni                   place the CNI plugin and its configuration
  config [--why FELIX_NAME]     every setting of the agent, or one with its origin  (-o json)
  -v, -version                  the version
  -h, --help                    this text

Examples:
  calico-node -felix-live -bird-live
  NODENAME=node2 IP=10.210.1.12/24 ETCD_ENDPOINTS=http://10.210.1.12:2379 calico-node
  calico-node config --why FELIX_IPINIPMTU
`;

/** Reads the command line. Flags may have one dash or two. @throws CalicoError USAGE */
export function parseNodeFlags(argv: readonly string[]): NodeCommand {
  const asked = new Set<string>();
  let thresholdSeconds = 30;
  let command: NodeCommand | undefined;
  const args = [...argv];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    const name = arg.replace(/^--?/, '');
    if (name === 'config' && name === arg) return parseConfigCommand(args);
    if (name === 'install-cni') return { kind: 'install-cni' };
    if ((probes as readonly string[]).includes(name)) asked.add(name);
    else if (name.startsWith('threshold-time'))
      thresholdSeconds = parseSeconds(name.includes('=') ? name.split('=')[1]! : (args.shift() ?? ''));
    else {
      const kinds: Readonly<Record<string, NodeCommand['kind']>> = {
        startup: 'startup',
        felix: 'run',
        run: 'run',
        shutdown: 'shutdown',
        'allocate-tunnel-addrs': 'allocate-tunnel-addresses',
        'allocate-tunnel-addrs-run-once': 'allocate-tunnel-addresses',
        'show-status': 'show-status',
        v: 'version',
        version: 'version',
        h: 'help',
        help: 'help',
      };
      const kind = kinds[name];
      if (kind === undefined) {
        throw new CalicoError('USAGE', `calico-node does not know ${arg}`, {
          cure: 'Run: calico-node --help',
        });
      }
      command = { kind } as NodeCommand;
    }
  }
  if (asked.size > 0) return { kind: 'probe', flags: asked, thresholdSeconds };
  return command ?? { kind: 'run' };
}

function parseConfigCommand(args: readonly string[]): NodeCommand {
  let why: string | undefined;
  let json = false;
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--why') why = rest.shift();
    else if (arg.startsWith('--why=')) why = arg.slice('--why='.length);
    else if (arg === '-o' && rest[0] === 'json') json = rest.shift() !== undefined;
    else if (arg === '-ojson') json = true;
    else
      throw new CalicoError('USAGE', `calico-node config does not know ${arg}`, {
        cure: 'calico-node config [--why FELIX_NAME] [-o json]',
      });
  }
  return { kind: 'config', why, json };
}

function parseSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match)
    throw new CalicoError('USAGE', `-threshold-time=${text} is not a duration`, {
      cure: 'For example -threshold-time=30s',
    });
  return Number(match[1]) * (match[2] === 'ms' ? 0.001 : match[2] === 'm' ? 60 : 1);
}
