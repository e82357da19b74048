/** `calico bgp`: the cluster's sessions, and what a change would do to them. */
import { parseArgs } from 'node:util';
import { connect, type Datastore, loadConfig } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { bgpStatus } from './cli/status.ts';
import { bgpWhatIf } from './cli/what-if.ts';

const usage = `Usage:
  calico bgp status  [--node=NAME] [--down] [-o json]
      Sessions that every host should have against those it has, and why one is down.
  calico bgp what-if [--remove=NAME]... [--remove-link=A,B]... [--add-host=NAME,ADDRESS[,LABEL=VALUE]...]...
                     [--cluster-id=NAME,ID]... [--single-failures] [-o json]
      Which hosts would lose which routes. Nothing is changed.

Options:
  -c --config=FILE   calicoctl.cfg; as for calicoctl, else the environment (ETCD_ENDPOINTS, …).
  -o json            For programs.

Exit code 0: all sessions are up, or nothing is lost; 1: not so; 2: the command line is wrong.
`;

const options = {
  help: { type: 'boolean', short: 'h', default: false },
  config: { type: 'string', short: 'c' },
  output: { type: 'string', short: 'o', default: 'table' },
  node: { type: 'string' },
  down: { type: 'boolean', default: false },
  remove: { type: 'string', multiple: true },
  'remove-link': { type: 'string', multiple: true },
  'add-host': { type: 'string', multiple: true },
  'cluster-id': { type: 'string', multiple: true },
  'single-failures': { type: 'boolean', default: false },
} as const;

/** Runs the program. */
export async function bgpProgram(argv: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(argv);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const [command] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  let store: Datastore | undefined;
  try {
    store = await connect(await loadConfig({ file: values.config, env: process.env }));
    const json = values.output === 'json';
    switch (command) {
      case 'status':
        return await bgpStatus(store, { json, downOnly: values.down, node: values.node });
      case 'what-if':
        return await bgpWhatIf(store, {
          json,
          remove: values.remove ?? [],
          removeLinks: values['remove-link'] ?? [],
          addHosts: values['add-host'] ?? [],
          clusterIds: values['cluster-id'] ?? [],
          singleFailures: values['single-failures'],
        });
      default:
        process.stderr.write(`unknown command ${command}\n\n${usage}`);
        return 2;
    }
  } catch (error) {
    const cure = error instanceof CalicoError && error.cure !== undefined ? `\n${error.cure}` : '';
    process.stderr.write(`calico bgp: ${messageOf(error)}${cure}\n`);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  } finally {
    store?.close();
  }
}

function read(argv: readonly string[]) {
  const parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  const { output } = parsed.values;
  if (output !== 'table' && output !== 'json') throw new Error(`-o ${output} is not known: table or json`);
  return parsed;
}
