/** `ipam split`: one pool becomes several smaller ones that keep its settings and allocations. */

import { messageOf } from '../../../errors.ts';
import { formatCidr, parseCidr, tryParseCidr } from '../../../ip/index.ts';
import type { Resource } from '../../../resources/index.ts';
import type { ResourceClient } from '../../client/client.ts';
import { type Command, CtlFailure } from '../../command.ts';
import { textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions, usageOf } from '../../grammar/help.ts';
import { withClient } from '../../session.ts';

const cidrOption = { spec: '--cidr=<CIDR>', text: 'CIDR of the pool to split.' };
const nameOption = { spec: '--name=<POOL>', text: 'Name of the pool to split.' };

/** See the module's comment. */
export const split: Command = {
  name: 'ipam split',
  summary: 'Split a pool.',
  help({ binary, release }) {
    const optional = [cidrOption, nameOption, sharedOptions.config, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      datastore: true,
      usage: [`ipam split <NUMBER> ${usageOf(release, optional)}`],
      examples: ['# Split default-pool into four.', '$ ipam split 4 --name=default-pool'],
      options: optional,
      description: `Splits a pool into a number of smaller ones, a power of two. Addresses stay allocated.
The datastore must be locked meanwhile.`,
    });
  },
  async run(args, ctl) {
    await withClient(args, ctl, async (client) => {
      const { spec } = await client.get({ kind: 'ClusterInformation', name: 'default' });
      if (spec['datastoreReady'] !== false) {
        throw new CtlFailure(
          'datastore is not locked. Run the `calicoctl datastore migrate lock` command in order split the IP pools',
        );
      }
      const number = textArg(args, '<NUMBER>') ?? '';
      if (!/^[-+]?\d+$/.test(number)) {
        throw new CtlFailure(
          `error reading number to split IP pools into. ${number} is not a valid number: strconv.Atoi: parsing ${JSON.stringify(number)}: invalid syntax`,
        );
      }
      const pool = await findPool(client, textArg(args, '--name'), textArg(args, '--cidr'));
      const parts = partsOf(String(pool.spec['cidr']), Number(number));
      const { name } = pool.metadata;
      await client.deletePlain({ kind: 'IPPool', name });
      let text = `IP Pool ${name} was successfully split into ${parts.length} smaller pools.`;
      for (const [at, cidr] of parts.entries()) {
        const part = `split-${name}-${at}`;
        await client.create({
          apiVersion: pool.apiVersion,
          kind: 'IPPool',
          metadata: { name: part },
          spec: { ...pool.spec, cidr },
        });
        text += `Created ${part} with CIDR ${cidr}.\n`;
      }
      ctl.io.stdout(`${text}Please refer to the documentation for final steps.`);
    });
    return undefined;
  },
};

async function findPool(
  client: ResourceClient,
  name: string | undefined,
  cidr: string | undefined,
): Promise<Resource> {
  if (name) {
    try {
      return await client.get({ kind: 'IPPool', name });
    } catch (error) {
      throw new CtlFailure(`unable to find IP pool with name ${name}: ${messageOf(error)}`);
    }
  }
  if (!cidr) {
    throw new CtlFailure('no name or CIDR provided. Provide a name or CIDR to denote the IP pool to split');
  }
  const wanted = tryParseCidr(cidr);
  const { items } = await client.list('IPPool');
  const found = items.find((pool) => wanted && pool.spec['cidr'] === formatCidr(wanted));
  if (!found) throw new CtlFailure(`unable to find IP pool  covering the specified CIDR ${cidr}`);
  return found;
}

/** The equal parts of a CIDR. @throws CtlFailure */
function partsOf(text: string, number: number): readonly string[] {
  const fail = (reason: string): CtlFailure =>
    new CtlFailure(`error splitting the CIDR ${text} into ${number} CIDRs: ${reason}`);
  const bits = Math.log2(number);
  if (!(number > 1 && Number.isInteger(bits))) {
    throw fail(`number to split CIDR into is not a valid power of 2: ${number}`);
  }
  const cidr = parseCidr(text);
  const width = cidr.version === 4 ? 32 : 128;
  const prefix = cidr.prefix + bits;
  if (prefix > width) throw fail(`the CIDR ${text} is not large enough to be split into ${number} parts`);
  const size = 1n << BigInt(width - prefix);
  return Array.from({ length: number }, (_, at) =>
    formatCidr({ version: cidr.version, value: cidr.value + BigInt(at) * size, prefix }),
  );
}
