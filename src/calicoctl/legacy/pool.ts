/** `calicoctl pool …`. */
import {
  type Address,
  type Cidr,
  cidrsOverlap,
  formatCidr,
  parseAddress,
  tryParseAddress,
  tryParseCidr,
} from '../../ip/index.ts';
import { apiVersion } from '../../resources/index.ts';
import type { ResourceClient } from '../client/client.ts';
import { flagArg, listArg, textArg } from '../grammar/docopt.ts';
import { type LegacyCommand, legacyFailure, sortedRows, withStore } from './legacy-command.ts';
import { prettyTable } from './pretty-table.ts';

/** See the module's comment. */
export const poolCommands: readonly LegacyCommand[] = [
  {
    usage: 'pool show [--ipv4 | --ipv6]',
    today: 'get ippool -o wide',
    async run(args, ctl) {
      const pools = await withStore(ctl, async (client) => (await client.list('IPPool')).items);
      for (const version of [4, 6] as const) {
        if (flagArg(args, version === 4 ? '--ipv6' : '--ipv4')) continue;
        const rows = pools
          .filter((pool) => String(pool.spec['cidr']).includes(':') === (version === 6))
          .map((pool) => [String(pool.spec['cidr']), version === 6 ? '' : options(pool.spec)]);
        ctl.io.stdout(prettyTable([`IPv${version} CIDR`, 'Options'], sortedRows(rows)));
      }
      return undefined;
    },
  },
  {
    usage: 'pool add <CIDRS>... [--ipip] [--nat-outgoing]',
    today: 'apply -f <file with IPPools>',
    async run(args, ctl) {
      const cidrs = listArg(args, '<CIDRS>').map(requireCidr);
      const ipip = flagArg(args, '--ipip');
      if (ipip && cidrs.some((cidr) => cidr.version === 6)) {
        throw legacyFailure('IP in IP not supported for IPv6 pools');
      }
      await withStore(ctl, async (client) => {
        for (const cidr of cidrs) await addPool(client, cidr, ipip, flagArg(args, '--nat-outgoing'));
      });
      return undefined;
    },
  },
  {
    usage: 'pool remove <CIDRS>...',
    today: 'delete ippool <name>',
    async run(args, ctl) {
      await withStore(ctl, async (client) => {
        for (const text of listArg(args, '<CIDRS>')) {
          const wanted = formatCidr(requireCidr(text));
          const { items } = await client.list('IPPool');
          const pool = items.find((item) => item.spec['cidr'] === wanted);
          if (pool) await client.delete({ kind: 'IPPool', name: pool.metadata.name });
          else ctl.io.stdout(`${text} is not a configured pool.\n`);
        }
      });
      return undefined;
    },
  },
  {
    usage: 'pool range add <START_IP> <END_IP> [--ipip] [--nat-outgoing]',
    today: 'apply -f <file with IPPools>',
    async run(args, ctl) {
      const [start, end] = [textArg(args, '<START_IP>') ?? '', textArg(args, '<END_IP>') ?? ''];
      if (!tryParseAddress(start) || !tryParseAddress(end))
        throw legacyFailure('Invalid IP address specified.');
      const cidrs = cidrsOfRange(parseAddress(start), parseAddress(end));
      await withStore(ctl, async (client) => {
        const { items } = await client.list('IPPool');
        for (const pool of items) {
          const range = tryParseCidr(String(pool.spec['cidr']));
          if (range && cidrs.some((cidr) => cidrsOverlap(cidr, range))) {
            throw legacyFailure(`Cannot add range - range conflicts with pool ${pool.spec['cidr']}`);
          }
        }
        for (const cidr of cidrs) {
          await addPool(client, cidr, flagArg(args, '--ipip'), flagArg(args, '--nat-outgoing'));
        }
      });
      return undefined;
    },
  },
];

function options(spec: Readonly<Record<string, unknown>>): string {
  const ipip = spec['ipipMode'] && spec['ipipMode'] !== 'Never' ? ['ipip'] : [];
  return [...ipip, ...(spec['natOutgoing'] ? ['nat-outgoing'] : [])].join(',');
}

function requireCidr(text: string): Cidr {
  const cidr = tryParseCidr(text);
  if (!cidr) throw legacyFailure(`Invalid CIDR specified ${text}`);
  return cidr;
}

async function addPool(client: ResourceClient, cidr: Cidr, ipip: boolean, nat: boolean): Promise<void> {
  const text = formatCidr(cidr);
  // Old releases knew no blocks: a pool smaller than a block is one block of its own.
  const usual = cidr.version === 4 ? 26 : 122;
  const blockSize = cidr.prefix > usual ? { blockSize: cidr.prefix } : {};
  await client.create({
    apiVersion,
    kind: 'IPPool',
    metadata: { name: text.replace(/[.:/]+/g, '-') },
    spec: {
      cidr: text,
      ipipMode: ipip ? 'Always' : 'Never',
      ...(nat ? { natOutgoing: true } : {}),
      ...blockSize,
    },
  });
}

/** The fewest CIDRs that cover the range exactly. */
export function cidrsOfRange(start: Address, end: Address): readonly Cidr[] {
  const bits = start.version === 4 ? 32 : 128;
  const cidrs: Cidr[] = [];
  for (let value = start.value; value <= end.value; ) {
    let size = 0;
    while (
      size < bits &&
      value % (1n << BigInt(size + 1)) === 0n &&
      value + (1n << BigInt(size + 1)) - 1n <= end.value
    ) {
      size++;
    }
    cidrs.push({ version: start.version, value, prefix: bits - size });
    value += 1n << BigInt(size);
  }
  return cidrs;
}
