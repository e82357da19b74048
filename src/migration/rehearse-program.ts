/** `calico upgrade rehearse`: where the data comes from, and how the result is shown. */
import { readFileSync } from 'node:fs';
import { CalicoError, messageOf } from '../errors.ts';
import { writeOut } from '../output.ts';
import { openStores, type V2Dump } from '../upgrade/index.ts';
import type { MigrationOptions } from './program.ts';
import { type Rehearsal, rehearse } from './rehearsal/rehearse.ts';

/** The command. Exit code 1 when something differs. */
export async function rehearseProgram(options: MigrationOptions): Promise<number> {
  if (options.output !== 'text' && options.output !== 'json')
    throw new CalicoError('USAGE', `-o ${options.output} is not known`, { cure: 'Use text or json.' });
  const dump =
    options.dump === undefined || options.dump === 'live' ? await readLive(options) : readDump(options.dump);
  const result = await rehearse(dump);
  writeOut(options.output === 'json' ? `${JSON.stringify(result, null, 2)}\n` : printRehearsal(result));
  return result.deviations.length > 0 ? 1 : 0;
}

async function readLive(options: MigrationOptions): Promise<V2Dump> {
  const stores = await openStores({
    v1File: options.apiconfigv1,
    v3File: options.apiconfigv3,
    env: process.env,
  });
  try {
    return await stores.v1.read();
  } finally {
    stores.v3.close();
  }
}

function readDump(path: string): V2Dump {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CalicoError('INPUT', `${path}: ${messageOf(error)}`, { cause: error });
  }
  const isDump =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string');
  if (!isDump)
    throw new CalicoError('INPUT', `${path} is no dump of etcd v2`, {
      cure: 'Give a JSON object of keys and values, as `calico upgrade run` keeps in v2-dump.json.',
    });
  return value as V2Dump;
}

/** For people. */
export function printRehearsal({ deviations, compared, assumptions }: Rehearsal): string {
  const { endpoints, verdicts, sessions, blocks } = compared;
  const lines = [
    `Compared: ${endpoints} endpoints with ${verdicts} verdicts, ${sessions} BGP sessions, ${blocks} blocks.`,
    ...assumptions.map((one) => `Taken for granted: ${one}.`),
  ];
  if (deviations.length === 0) lines.push('The converted data does what the v2 data describes.');
  for (const { about, text, more } of deviations)
    lines.push(`${about}: ${text}${more > 0 ? ` (and ${more} more like it)` : ''}`);
  if (deviations.length > 0) lines.push(`${deviations.length} differences.`);
  return `${lines.join('\n')}\n`;
}
