/** Compares a step's outcome with the recording, with the normalisation of the recordings' README. */
import type { Ran, Step } from './replay.ts';

/** A difference and the step it was found at. */
export interface StepDifference {
  readonly index: number;
  readonly step: Step;
  readonly text: string;
}

const rules: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<UID>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<TIME>'],
  [/(resourceVersion"?: ?)"\d+"/g, '$1<RV>'],
  [/(resource version ')\d+('.*latest: )\d+/g, '$1<RV>$2<RV>'],
  [/(ResourceVersion = ')\d+'/g, "$1<RV>'"],
  [/("?clusterInformationRevision"?: ?)"?\d+"?/g, '$1<RV>'],
  [/("Revision": ?)"\d+"/g, '$1<RV>'],
  [/(clusterGUID"?: ?"?)[0-9a-f]{32}/g, '$1<GUID>'],
  [/^(Git commit: {8}).*$/gm, '$1<COMMIT>'],
  [/^\t\t(?:<KERNEL>|5\.10\.0) +\t/gm, '\t\t<KERNEL>\t'],
  [/update conflict: 10\.65\.0\.1[34]/g, 'update conflict: <IP>'],
  [/"sequenceNumberForAllocation":null/g, '"sequenceNumberForAllocation":{}'],
  [/diags-\d{8}_\d{6}/g, 'diags-<TIME>'],
  [/\/calico\d+/g, '/calico<TMP>'],
];

/** Replaces what differs from run to run. */
export function normalise(text: string): string {
  return rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}

/** What differs between a recorded step and what ran here; empty when nothing does. */
export function compareStep(step: Step, ran: Ran, cwd: string): string[] {
  if (step.exit === null) return compareKilled(step, ran);
  const differences: string[] = [];
  if (step.exit !== ran.exit) differences.push(`exit ${step.exit} recorded, ${ran.exit} here`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const here = normalise(ran[stream].replaceAll(cwd, '<CWD>'));
    const recorded = normalise(step[stream]);
    const isHelp = stream === 'stdout' ? step.stdoutHelp : step.stderrHelp;
    const same = isHelp
      ? helpAgrees(recorded, here)
      : step.unordered?.includes(stream) || isRandom(step)
        ? wordsOf(recorded) === wordsOf(here)
        : recorded === here;
    if (same) continue;
    const more = isSubsequence(recorded.split('\n'), here.split('\n')) ? ' (only more lines here)' : '';
    differences.push(`${stream} recorded:${more}\n${indent(recorded)}\n${stream} here:\n${indent(here)}`);
  }
  return differences;
}

/** v3.15 prints the attributes of an address in random order. */
function isRandom(step: Step): boolean {
  return step.argv[0] === 'ipam' && step.argv[1] === 'show' && step.stdout.includes('\nAttributes:\n');
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const line of whole) if (line === part[at]) at++;
  return at === part.length;
}

/** A call that hung until it was killed: here it ends by itself, and what it had printed is printed here too. */
function compareKilled(step: Step, ran: Ran): string[] {
  const starts = normalise(ran.stdout).startsWith(normalise(step.stdout));
  const hung = `recorded: hung until killed; here: exit ${ran.exit}`;
  return [starts ? hung : `stdout recorded:\n${indent(step.stdout)}\nstdout here:\n${indent(ran.stdout)}`];
}

/** Of a help text only the tool's own lines were kept. */
function helpAgrees(recorded: string, here: string): boolean {
  if (here === '') return false;
  return recorded
    .split('\n')
    .filter((line) => line !== '' && !/^(Usage:|Set the Calico datastore access)/.test(line))
    .every((line) => here.includes(line));
}

function wordsOf(text: string): string {
  return text
    .split(/[\s,]+/)
    .sort()
    .join(' ');
}

function indent(text: string): string {
  return text.replace(/^/gm, '    |');
}

/** Differences between a recorded content of etcd and the one here. */
export function compareEtcd(
  recorded: Readonly<Record<string, string>>,
  here: Readonly<Record<string, string>>,
): string[] {
  const paths = [...new Set([...Object.keys(recorded), ...Object.keys(here)])].sort();
  const differences: string[] = [];
  for (const path of paths) {
    const a = recorded[path];
    const b = here[path];
    if (a === undefined) differences.push(`etcd: only here: ${path} = ${b}`);
    else if (b === undefined) differences.push(`etcd: only recorded: ${path} = ${a}`);
    else if (canonical(a) !== canonical(b)) {
      const more = isPart(parsed(a), parsed(b)) ? ' (only more members here)' : '';
      differences.push(`etcd: ${path}${more}\n    recorded: ${canonical(a)}\n    here:     ${canonical(b)}`);
    }
  }
  return differences;
}

function canonical(text: string): string {
  const value = parsed(text);
  return value === undefined ? normalise(text) : JSON.stringify(value);
}

/** The value of a text with placeholders; `undefined` when it is no JSON. */
function parsed(text: string): unknown {
  try {
    // sequenceNumber and the like exceed doubles: keep digits as text.
    const json = sorted(JSON.parse(text.replace(/([:[,]\s*)(\d{16,})/g, '$1"$2"')));
    return JSON.parse(normalise(JSON.stringify(json)));
  } catch {
    return undefined;
  }
}

function isNothing(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Whether the second value holds all of the first. */
function isPart(part: unknown, whole: unknown): boolean {
  if (isNothing(part) && whole === undefined) return true;
  if (typeof part !== 'object' || part === null) return part === whole;
  if (typeof whole !== 'object' || whole === null) return false;
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      part.length === whole.length &&
      part.every((item, at) => isPart(item, whole[at]))
    );
  }
  return Object.entries(part).every(([name, member]) =>
    isPart(member, (whole as Readonly<Record<string, unknown>>)[name]),
  );
}

/** Upstream releases several addresses of a block in random order, and free ordinals queue in that order. */
function inNoOrder(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort((a, b) => Number(a) - Number(b)) : value;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(name === 'unallocated' ? inNoOrder(member) : member)]),
  );
}
