/** `ipam show`: pools and blocks, borrowed addresses, the configuration, or one address. */

import {
  type Cidr,
  cidrCovers,
  cidrSize,
  formatAddress,
  tryParseAddress,
  tryParseCidr,
} from '../../../ip/index.ts';
import { addressAt, attributeAt, type Block, ownerHost } from '../../../ipam/index.ts';
import type { ResourceClient } from '../../client/client.ts';
import { allocatorOf, listBlocks } from '../../client/ipam.ts';
import { type Command, type Ctl, CtlHardExit } from '../../command.ts';
import { flagArg, textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { borderedTable } from '../../output/bordered-table.ts';
import { goGeneral5 } from '../../output/go-value.ts';
import { withClient } from '../../session.ts';

const choices = [
  { spec: '--ip=<IP>', text: 'Show whether this address is in use, and by whom.' },
  { spec: '--show-blocks', text: 'Show the blocks of the pools too.' },
  { spec: '--show-borrowed', text: 'Show addresses that a node took from a block of another.' },
  { spec: '--show-configuration', text: 'Show the configuration of IPAM.' },
];

/** See the module's comment. */
export const show: Command = {
  name: 'ipam show',
  summary: 'Show use of addresses.',
  help({ binary, release }) {
    const optional = [sharedOptions.config, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [
        `ipam show [--ip=<IP> | --show-blocks | --show-borrowed | --show-configuration] ${usageOf(release, optional)}`,
      ],
      options: [...choices, ...optional],
      description: 'Shows how many addresses of each pool are in use, or the details that are asked for.',
    });
  },
  async run(args, ctl) {
    const ip = textArg(args, '--ip');
    await withClient(args, ctl, async (client) => {
      if (ip !== undefined) ctl.io.stdout(await addressText(client, ip, ctl));
      else if (flagArg(args, '--show-borrowed')) ctl.io.stdout(await borrowedText(client));
      else if (flagArg(args, '--show-configuration')) ctl.io.stdout(await configurationText(client));
      else ctl.io.stdout(await usageText(client, flagArg(args, '--show-blocks')));
    });
    return undefined;
  },
};

/** The address in canonical form; ends the command for anything else. */
export function requireAddress(text: string): string {
  const address = tryParseAddress(text);
  if (!address) throw new CtlHardExit(`Error executing command: invalid IP address specified: ${text}`);
  return formatAddress(address);
}

async function addressText(client: ResourceClient, ip: string, ctl: Ctl): Promise<string> {
  const address = requireAddress(ip);
  const allocation = await allocatorOf(client).allocationOf(address);
  if (!allocation) return `${address} is not assigned\n`;
  const attributes = Object.entries(allocation.attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join('');
  const head = `IP ${address} is in use\n`;
  if (ctl.release.minor < 32) {
    return head + (attributes === '' ? 'No attributes defined\n' : `Attributes:\n${attributes}`);
  }
  const alternate = alternateOwner(await listBlocks(client), address);
  return (
    `${head}Handle ID: ${allocation.handle || '<none>'}\n` +
    (attributes === '' ? 'No Active Owner attributes defined\n' : `Active Owner Attributes:\n${attributes}`) +
    (alternate === '' ? '' : `Alternate Owner Attributes:\n${alternate}`)
  );
}

function alternateOwner(blocks: readonly Block[], address: string): string {
  const block = blocks.find((one) => one.allocations.some((_, at) => addressAt(one, at) === address));
  const at = block?.allocations.findIndex((_, ordinal) => addressAt(block, ordinal) === address) ?? -1;
  const other = block && at >= 0 ? attributeAt(block, at)?.other['alternateOwnerAttrs'] : undefined;
  if (typeof other !== 'object' || other === null) return '';
  return Object.entries(other)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `  ${name}: ${value}\n`)
    .join('');
}

async function usageText(client: ResourceClient, withBlocks: boolean): Promise<string> {
  const blocks = [...(await listBlocks(client))].sort((a, b) => (a.text < b.text ? -1 : 1));
  const { items } = await client.list('IPPool');
  const rows: string[][] = [];
  const seen = new Set<Block>();
  for (const pool of items) {
    const cidr = tryParseCidr(String(pool.spec['cidr'] ?? ''));
    if (!cidr) continue;
    const inside = blocks.filter((block) => cidrCovers(cidr, block.cidr));
    for (const block of inside) seen.add(block);
    rows.push(row('IP Pool', String(pool.spec['cidr']), cidr, inside));
    if (withBlocks) rows.push(...inside.map((block) => row('Block', block.text, block.cidr, [block])));
  }
  if (withBlocks) {
    for (const block of blocks)
      if (!seen.has(block)) rows.push(row('Block', block.text, block.cidr, [block]));
  }
  return borderedTable(['Grouping', 'CIDR', 'IPs Total', 'IPs In Use', 'IPs Free'], rows);
}

function row(grouping: string, text: string, cidr: Cidr, blocks: readonly Block[]): string[] {
  const total = Number(cidrSize(cidr));
  const used = blocks.reduce((sum, block) => sum + block.allocations.length - block.unallocated.length, 0);
  return [grouping, text, goGeneral5(total), share(used, total), share(total - used, total)];
}

function share(count: number, total: number): string {
  return `${goGeneral5(count)} (${roundHalfEven((100 * count) / total)}%)`;
}

/** Go's %.f rounds halves to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

async function borrowedText(client: ResourceClient): Promise<string> {
  const rows: string[][] = [];
  let unknown = 0;
  for (const block of await listBlocks(client)) {
    const owner = ownerHost(block) ?? '';
    block.allocations.forEach((index, ordinal) => {
      if (index === null) return;
      const { secondary = {} } = attributeAt(block, ordinal) ?? {};
      const { node, pod, namespace, type = '' } = secondary;
      if (!node) unknown++;
      else if (node !== owner) {
        rows.push([
          addressAt(block, ordinal),
          node,
          block.text,
          owner,
          pod ? 'pod' : type,
          pod ? `${namespace}/${pod}` : '',
        ]);
      }
    });
  }
  const table = borderedTable(['IP', 'Borrowing-Node', 'Block', 'Block Owner', 'Type', 'Allocated-To'], rows);
  if (unknown === 0) return table;
  return `${table}\nNote: found ${unknown} IP allocations without an explicit node association. Unable to determine if they are borrowed.\n`;
}

async function configurationText(client: ResourceClient): Promise<string> {
  const config = await allocatorOf(client).getConfig();
  const stored = (await client.store.get({ type: 'ipam-config' }))?.value as
    | Readonly<Record<string, unknown>>
    | undefined;
  const persistence = stored?.['kubeVirtVMAddressPersistence'] ?? 'Enabled';
  const rows = [
    ['StrictAffinity', String(config.strictAffinity)],
    ['AutoAllocateBlocks', String(config.autoAllocateBlocks)],
    ...(client.release.minor >= 30 ? [['MaxBlocksPerHost', String(config.maxBlocksPerHost)]] : []),
    ...(client.release.minor >= 32 ? [['KubeVirtVMAddressPersistence', String(persistence)]] : []),
  ];
  return borderedTable(['Property', 'Value'], rows);
}
