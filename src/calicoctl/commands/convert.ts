/** `convert`: manifests of Calico v1 to v3. */
import { type Resource, validate, withDefaults } from '../../resources/index.ts';
import { type FieldProblem, invalidFields } from '../client/errors.ts';
import { wireForm } from '../client/wire.ts';
import { type Command, type Ctl, CtlFailure, failure } from '../command.ts';
import { convertManifest } from '../convert/manifest.ts';
import { shapes, strangeFields } from '../convert/shapes.ts';
import { flagArg, textArg } from '../grammar/docopt.ts';
import { helpText } from '../grammar/help.ts';
import { documentsOf } from '../input/documents.ts';
import { InputError } from '../input/errors.ts';
import { readTextFile } from '../input/files.ts';
import { jsonTypeName, quoteForOldText } from '../input/go-json.ts';
import { parseYaml, YamlError } from '../input/yaml.ts';
import { formatObjects } from '../output/format.ts';

const filename = { spec: '-f --filename=<FILENAME>', text: 'File to read; "-" reads standard input.' };
const output = { spec: '-o --output=<OUTPUT>', text: 'Format: yaml or json. [default: yaml]' };
const ignore = { spec: '--ignore-validation', text: 'Print what was converted although it is not valid.' };

/** The release whose layout and rules the command has: the last upstream release that had it. */
const layout = { version: 'v3.15.2', minor: 15 } as const;

/** See the module's comment. */
export const convert: Command = {
  name: 'convert',
  summary: 'Convert manifests.',
  help({ binary, release }) {
    return helpText({
      binary,
      release,
      datastore: true,
      usage: ['convert --filename=<FILENAME> [--output=<OUTPUT>] [--ignore-validation]'],
      examples: ['# Convert old manifests.', '$ convert -f ./old.yaml -o yaml > new.yaml'],
      options: [filename, output, ignore],
      description: `Converts manifests of Calico v1 and v2 (node, hostEndpoint, workloadEndpoint, profile,
policy, ipPool, bgpPeer) to v3. No datastore is needed.`,
    });
  },
  async run(args, ctl) {
    const format = textArg(args, '--output') ?? 'yaml';
    if (!['yaml', 'yml', 'json'].includes(format)) {
      throw new CtlFailure(`unrecognized output format '${format}'`);
    }
    const resources = await convertedInput(textArg(args, '--filename') ?? '', ctl);
    if (!flagArg(args, '--ignore-validation')) for (const resource of resources) check(resource, ctl);
    const shown = resources.map((resource) =>
      wireForm({ ...resource, metadata: { ...resource.metadata, creationTimestamp: null } }, layout),
    );
    ctl.io.stdout(formatObjects(format === 'json' ? 'json' : 'yaml', shown, true));
    return undefined;
  },
};

function check(resource: Resource, ctl: Ctl): void {
  const problems = validate(resource, { release: 'v3.15' }).map(
    ({ field, value, reason }): FieldProblem => ({
      name: field,
      reason,
      ...(value === undefined ? {} : { value }),
    }),
  );
  if (problems.length === 0) return;
  throw failure(
    ctl,
    `converted manifest resource(s) failed validation: ${invalidFields(problems).message}Re-run the command with '--ignore-validation' flag to see the converted output.\n`,
  );
}

async function convertedInput(file: string, ctl: Ctl): Promise<readonly Resource[]> {
  try {
    const text = file === '-' ? await ctl.io.stdin() : readTextFile(file, ctl);
    return documentsOf(text).flatMap((document) => {
      const value = readValue(document);
      return (Array.isArray(value) ? value : [value]).map(convertedValue);
    });
  } catch (error) {
    throw error instanceof InputError ? failure(ctl, `failed to execute command: ${error.message}`) : error;
  }
}

function readValue(document: string): unknown {
  try {
    return parseYaml(document).value;
  } catch (error) {
    throw error instanceof YamlError ? new InputError(`error parsing document: ${error.message}`) : error;
  }
}

function convertedValue(value: unknown): Resource {
  if (value !== null && value !== undefined && typeof value !== 'object') {
    throw new InputError(
      `error parsing document: cannot parse ${jsonTypeName(value)} '${quoteForOldText(value)}' into value of type []unversioned.TypeMetadata`,
    );
  }
  const {
    apiVersion = '',
    kind = '',
    metadata,
    spec,
    ...others
  } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const shape = apiVersion === 'v1' ? shapes[String(kind)] : undefined;
  if (!shape) throw new InputError(`Unknown resource type (${kind}) and/or version (${apiVersion})`);
  const strange = [
    ...Object.keys(others),
    ...strangeFields(metadata, shape.metadata),
    ...strangeFields(spec, shape.spec),
  ].sort();
  if (strange.length > 0) {
    throw new InputError(
      strange.length === 1
        ? `error parsing document: field in document is not recognized or is in the wrong location: ${strange[0]}`
        : `error parsing document: fields in document are not recognized or are in the wrong location: ${strange.join(', ')}`,
    );
  }
  const members = (part: unknown): Readonly<Record<string, unknown>> =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? (part as Record<string, unknown>)
      : {};
  const converted = convertManifest({ kind: String(kind), metadata: members(metadata), spec: members(spec) });
  // The labels of an endpoint are set when it is written.
  return converted.kind === 'WorkloadEndpoint' ? converted : withDefaults(converted, { release: 'v3.15' });
}
