/** `calico-upgrade`: the command line. Upstream: calico-upgrade pkg/commands. */
import { join } from 'node:path';
import { CalicoError, messageOf } from '../errors.ts';
import { writeOut } from '../output.ts';
import { openStores } from './config.ts';
import { abort, complete, dryRun, inProgress, needed, start } from './phases.ts';
import { StatusText } from './status-text.ts';
import { pauseSeconds, terminalContext } from './terminal.ts';

const usage = `Usage:
    calico-upgrade [options] <command> [<args>...]

    dry-run     Read and convert the v1 data, report, write nothing.
    start       Pause Calico v2, convert, write the v3 datastore.
    complete    Turn Calico v3 networking on.
    abort       Turn Calico v2 networking back on.
    needed      Exit code 0 when an upgrade is still to be done, 1 when not.
    inprogress  Exit code 0 when one is under way, 1 when not.
    version     Display the version of calico-upgrade.

Options:
  -h --help               Show this screen.
  --version               Display the version.
  -l --log-level=<level>  panic, fatal, error, warn, info or debug. [default: panic]

Options of the commands:
  --apiconfigv1=<FILE>    The v1 datastore.  [default: /etc/calico/apiconfigv1.cfg]
  --apiconfigv3=<FILE>    The v3 datastore.  [default: /etc/calico/apiconfigv3.cfg]
  --output-dir=<DIR>      Where reports go.  [default: ./calico-upgrade-report]
  --ignore-v3-data        Overwrite entries of the v3 datastore.
  --no-prompts            Do not ask.
  --pause=<SECONDS>       How long start waits for agents to see that v2 is paused.  [default: 15]

Also: calico upgrade run | clean | rehearse (each has --help).

Examples:
  calico-upgrade dry-run --output-dir=/tmp
  calico-upgrade start --no-prompts --output-dir=/tmp/calico_upgrade
  calico-upgrade complete --no-prompts
`;

const version = 'v0.1.0';
const commands = { 'dry-run': dryRun, start, complete, abort, needed, inprogress: inProgress } as const;
const options = [
  'apiconfigv1',
  'apiconfigv3',
  'output-dir',
  'ignore-v3-data',
  'no-prompts',
  'pause',
] as const;
const logLevels = ['panic', 'fatal', 'error', 'warn', 'info', 'debug'];

/** The program; ends with upstream's exit codes. */
export async function upgradeProgram(argv: readonly string[]): Promise<number> {
  const out = new StatusText({ write: writeOut });
  const args = [...argv];
  while (args[0]?.startsWith('-')) {
    const option = args.shift()!;
    if (option === '-h' || option === '--help') {
      out.raw(usage);
      return 0;
    }
    if (option === '--version') {
      out.raw(`calico-upgrade version ${version}, build calico-ts\n`);
      return 0;
    }
    const level =
      /^(?:-l|--log-level=)(.+)$/.exec(option)?.[1] ??
      (option === '-l' || option === '--log-level' ? args.shift() : undefined);
    if (level === undefined || !logLevels.includes(level)) {
      process.stderr.write(`Unknown log level: ${level ?? option}\n`);
      return 1;
    }
  }
  const name = args.shift();
  if (name === 'version') {
    out.raw(`Client Version:    ${version}\nBuild date:        -\nGit commit:        calico-ts\n`);
    return 0;
  }
  const command = name === undefined ? undefined : commands[name as keyof typeof commands];
  if (!command) {
    if (name !== undefined) process.stderr.write(`Unknown command: "${name}"\n`);
    out.raw(usage);
    return 1;
  }
  const failure = name === 'needed' || name === 'inprogress' ? 2 : 1;
  try {
    if (args.includes('-h') || args.includes('--help')) {
      out.raw(usage);
      return 0;
    }
    const given = parseOptions(args, [name!, ...args].join(' '));
    const stores = await openStores({
      v1File: given.get('apiconfigv1'),
      v3File: given.get('apiconfigv3'),
      env: process.env,
    });
    const context = terminalContext(stores, out, {
      outputDir: given.get('output-dir') ?? join(process.cwd(), 'calico-upgrade-report'),
      ignoreV3Data: given.has('ignore-v3-data'),
      noPrompts: given.has('no-prompts'),
      pauseSeconds: pauseSeconds(given.get('pause')),
    });
    try {
      return await command(context);
    } finally {
      stores.v3.close();
    }
  } catch (error) {
    out.error(messageOf(error));
    if (error instanceof CalicoError && error.cure) out.line(error.cure);
    return failure;
  }
}

/** Long options; a unique beginning is enough, as in docopt. */
function parseOptions(args: readonly string[], line: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const rest = [...args];
  const invalid = () =>
    new CalicoError(
      'USAGE',
      `Invalid option: 'calico-upgrade ${line}'. Use flag '--help' to read about a specific subcommand.`,
    );
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const match = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(arg);
    const candidates = match
      ? options.filter((option) => option === match[1] || option.startsWith(match[1]!))
      : [];
    const option =
      candidates.find((one) => one === match?.[1]) ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (!match || !option) throw invalid();
    const isFlag = option === 'ignore-v3-data' || option === 'no-prompts';
    const value = isFlag ? (match[2] === undefined ? '' : undefined) : (match[2] ?? rest.shift());
    if (value === undefined) throw invalid();
    found.set(option, value);
  }
  return found;
}
