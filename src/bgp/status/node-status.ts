/** The output of `calicoctl node status`, byte for byte; upstream: calicoctl/calicoctl/commands/node/status.go. */
import { tryParseAddress } from '../../ip/index.ts';
import type { ProtocolRow } from './protocols.ts';
import { formatTable } from './table.ts';

/** One family's part. */
export type FamilyStatus =
  /** `singleFamily`: the daemon carries one family only (BIRD 1). */
  | {
      readonly kind: 'sessions';
      readonly protocols: readonly ProtocolRow[];
      readonly singleFamily?: boolean;
    }
  | { readonly kind: 'not-running' }
  /** Its socket does not answer. */
  | { readonly kind: 'unreachable'; readonly message: string };

/** What the command found. */
export interface NodeStatus {
  readonly ipv4: FamilyStatus;
  readonly ipv6: FamilyStatus;
  /** Minor version of the release whose words are wanted; the sentence about a missing BIRD differs. */
  readonly release?: number;
}

const types: Readonly<Record<string, string>> = {
  Mesh: 'node-to-node mesh',
  Global: 'global',
  Node: 'node specific',
};

/** Text for standard output when the agent runs. */
export function printNodeStatus(status: NodeStatus): string {
  const head = 'Calico process is running.\n';
  if (status.ipv4.kind === 'not-running' && status.ipv6.kind === 'not-running') {
    const sentence =
      (status.release ?? 32) < 16
        ? 'None of the BGP backend processes (BIRD or GoBGP) are running.'
        : 'The BGP backend process (BIRD) is not running.';
    return `${head}\n${sentence}\n\n`;
  }
  return `${head}${family(status.ipv4, 4)}${family(status.ipv6, 6)}\n`;
}

/** The statuses of both families out of the protocols of one daemon, told apart by the neighbours' addresses. */
export function statusOfOneDaemon(protocols: readonly ProtocolRow[]): NodeStatus {
  const of = (version: 4 | 6) => protocols.filter((row) => versionOf(row) === version);
  return {
    ipv4: { kind: 'sessions', protocols: of(4) },
    ipv6: { kind: 'sessions', protocols: of(6) },
  };
}

function versionOf(row: ProtocolRow): 4 | 6 {
  if (row.neighbor) return tryParseAddress(row.neighbor)?.version ?? 4;
  return /^[A-Za-z]+(_\d{1,3}){4}(_port_\d+)?$/.test(row.name) ? 4 : 6;
}

function family(status: FamilyStatus, version: 4 | 6): string {
  switch (status.kind) {
    case 'not-running':
      return `\nINFO: BIRDv${version} process: '${version === 4 ? 'bird' : 'bird6'}' is not running.\n`;
    case 'unreachable':
      return `\nIPv${version} BGP status\nError querying BIRD: unable to connect to BIRDv${version} socket: ${status.message}`;
    case 'sessions': {
      const rows = status.protocols.flatMap((row) => rowOf(row, version));
      const heading = `\nIPv${version} BGP status\n`;
      if (rows.length === 0) return `${heading}No IPv${version} peers found.\n`;
      return heading + formatTable(['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'INFO'], rows);
    }
  }
}

function rowOf(row: ProtocolRow, version: 4 | 6): readonly (readonly string[])[] {
  const [, kind, rest] = /^(Global|Node|Mesh)_(.+)$/.exec(row.name) ?? [];
  // A protocol that is down has no state of its session, and is not listed.
  if (row.proto !== 'BGP' || kind === undefined || rest === undefined || row.bgpState === '') return [];
  const address = rest.replaceAll('_', version === 4 ? '.' : ':');
  return [
    [
      address,
      types[kind]!,
      row.state,
      row.since,
      row.reason === '' ? row.bgpState : `${row.bgpState} ${row.reason}`,
    ],
  ];
}
