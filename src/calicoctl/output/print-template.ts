/** `-o go-template=…` and `-o go-template-file=…`. */
import type { ResourceClient } from '../client/client.ts';
import { type Ctl, CtlFailure } from '../command.ts';
import type { Shown } from '../commands/get.ts';
import { InputError } from '../input/errors.ts';
import { readTextFile } from '../input/files.ts';
import { TemplateError } from '../template/parse.ts';
import { runTemplate } from '../template/run.ts';
import { viewOfResults } from '../template/view.ts';
import type { Format } from './format.ts';
import { clusterAsNumber } from './tables.ts';

/** Prints the results through the template. @throws CtlFailure with Go's message */
export async function printTemplate(
  shown: readonly Shown[],
  format: Extract<Format, { kind: 'template' | 'template-file' }>,
  client: ResourceClient,
  ctl: Ctl,
): Promise<void> {
  try {
    const source = format.kind === 'template' ? format.text : readTextFile(format.path, ctl);
    const asNumber = source.includes('config') ? await clusterAsNumber(client) : '';
    const config = (name: string): string => (name.toLowerCase() === 'asnumber' ? asNumber : 'unknown');
    ctl.io.stdout(runTemplate(source, viewOfResults(shown), { config }));
  } catch (error) {
    if (error instanceof TemplateError || error instanceof InputError) throw new CtlFailure(error.message);
    throw error;
  }
}
