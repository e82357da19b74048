/** `calico ipam doctor`: what is wrong with IPAM, with proofs, a forecast per pool, and repairs that show their plan first. */
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { connect, loadConfig } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { readIpamState } from './audit.ts';
import { type Diagnosis, describeRepair, diagnose, type PoolForecast, repairPlan } from './doctor.ts';
import { createIpam } from './ipam.ts';
import { applyRepair } from './repair.ts';

const help = `usage: calico ipam doctor [--fix [--yes]] [-o json] [--config FILE]

Examines every block, handle and affinity against the endpoints and nodes that use addresses. Each finding comes with
its proof; each pool with how full it is and when it will be. Exit code: 0 nothing found, 1 findings, 2 usage, 3 error.

  --fix           show the repairs, ask, and carry them out; each is void when its object has changed meanwhile
  --yes           do not ask
  -o json         the report as JSON on standard output
  --config FILE   configuration of the datastore (default /etc/calico/calicoctl.cfg, else the environment)

Examples:
  calico ipam doctor
  calico ipam doctor --fix
  calico ipam doctor -o json | jq '.findings[] | select(.kind == "leaked") | .subject'
`;

/** The program. */
export async function ipamProgram(argv: readonly string[]): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(argv);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return 2;
  }
  if (options.values.help || options.positionals[0] !== 'doctor') {
    console.log(help);
    return options.values.help ? 0 : 2;
  }
  try {
    return await doctor(options.values);
  } catch (error) {
    console.error(`calico ipam: ${messageOf(error)}`);
    if (error instanceof CalicoError && error.cure) console.error(error.cure);
    return 3;
  }
}

function parse(argv: readonly string[]) {
  const parsed = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      fix: { type: 'boolean', default: false },
      yes: { type: 'boolean', short: 'y', default: false },
      output: { type: 'string', short: 'o' },
      config: { type: 'string', short: 'c' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { output } = parsed.values;
  if (output !== undefined && output !== 'text' && output !== 'json')
    throw new Error(`-o ${output} is not known: text or json`);
  return parsed;
}

async function doctor(options: ReturnType<typeof parse>['values']): Promise<number> {
  const datastore = await connect(await loadConfig({ file: options.config, env: process.env }));
  try {
    const diagnosis = diagnose(await readIpamState(datastore), Date.now());
    if (options.output === 'json') console.log(formatJsonReport(diagnosis));
    else console.log(formatReport(diagnosis));
    const plan = repairPlan(diagnosis);
    if (!options.fix || plan.length === 0) return diagnosis.findings.length === 0 ? 0 : 1;
    console.error(`\nTo be done:\n${plan.map((repair) => `  ${describeRepair(repair)}`).join('\n')}`);
    if (!options.yes && !(await confirmed())) return 1;
    const ipam = createIpam(datastore);
    let done = 0;
    for (const repair of plan) {
      const ok = await applyRepair(datastore, ipam, repair);
      if (ok) done++;
      console.error(`  ${ok ? 'done   ' : 'changed'} ${describeRepair(repair)}`);
    }
    console.error(`${done} of ${plan.length} done`);
    return done === diagnosis.findings.length ? 0 : 1;
  } finally {
    datastore.close();
  }
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    console.error('Not a terminal: repeat with --yes to carry this out.');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Carry this out? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** The report for a person. */
export function formatReport(diagnosis: Diagnosis): string {
  const lines: string[] = [];
  for (const finding of diagnosis.findings) {
    lines.push(`${finding.kind}: ${finding.subject}`);
    for (const fact of finding.proof) lines.push(`    ${fact}`);
    for (const repair of finding.repairs) lines.push(`    repair: ${describeRepair(repair)}`);
    if (finding.advice !== undefined) lines.push(`    advice: ${finding.advice}`);
  }
  if (diagnosis.findings.length === 0) lines.push('No problem found.');
  else lines.push('', `${diagnosis.findings.length} problems found.`);
  if (diagnosis.forecasts.length > 0) lines.push('', ...diagnosis.forecasts.map(formatForecast));
  return lines.join('\n');
}

function formatForecast(forecast: PoolForecast): string {
  const { pool, cidr, addresses, used, blocks, blocksClaimed, growthPerDay, daysLeft, hostsLeft } = forecast;
  const share = Math.round((used * 100) / Number(addresses));
  const growth =
    growthPerDay === undefined
      ? 'growth unknown (no time stamps)'
      : daysLeft === undefined
        ? 'no growth in the last week'
        : `${growthPerDay.toFixed(1)} a day, full in ${Math.floor(daysLeft)} days`;
  return `pool ${pool} ${cidr}: ${used} of ${addresses} addresses (${share}%), ${blocksClaimed} of ${blocks} blocks, room for ${hostsLeft} more; ${growth}`;
}

/** The report as JSON: integers as they are, maps as objects. */
export function formatJsonReport(diagnosis: Diagnosis): string {
  return JSON.stringify(
    diagnosis,
    (_name, value: unknown) => {
      if (typeof value === 'bigint') {
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value.toString();
      }
      return value instanceof Map ? Object.fromEntries(value) : value;
    },
    2,
  );
}
