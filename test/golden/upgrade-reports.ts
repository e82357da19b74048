/** Recordings of the upgrade tool's verdicts: what it calls invalid, and whole reports of odd stores. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryKv } from '../../src/datastore/index.ts';
import {
  type Conversion,
  convertIpam,
  convertTree,
  dryRun,
  memoryV1Store,
  problemOf,
  problemsIn,
  renderReports,
  StatusText,
  start,
  treeOf,
  type V2Dump,
} from '../../src/upgrade/index.ts';
import type { Case, Outcome } from './corpus.ts';

/** An entry of `validationerrors`, taken apart. */
interface RecordedProblem {
  readonly v1: string;
  readonly v3: string;
  readonly fields: readonly (readonly [string, string])[];
}

interface RecordedObject {
  readonly name: string;
  readonly v2: V2Dump;
  readonly skipped?: string;
  readonly crash?: string;
  readonly start?: unknown;
  readonly reports: { readonly validationerrors?: readonly RecordedProblem[] };
}

interface Failure {
  readonly name: string;
  readonly command: string;
  readonly exit: number;
  readonly report: 'nameclashes' | 'conversionerrors' | 'validationerrors' | null;
  readonly expect: readonly string[];
  readonly v2: V2Dump;
}

const base: V2Dump = { '/calico/v1/Ready': 'true', '/calico/v1/config/CalicoVersion': 'v2.6.12' };

/** Cases of single objects, of failures, and of the two mixed stores. */
export function reportCases(folder: string): readonly Case[] {
  const objects = read<RecordedObject[]>(folder, 'v2-bad-objects.json');
  return [
    ...objects.filter(plain).map(validationCase),
    ...read<Failure[]>(folder, 'v2-failures.json').map(failureCase),
    mixedCase(folder, objects),
    randomCase(folder),
  ];
}

/** Not one that the real tool crashes or stops at; those are replayed elsewhere. */
function plain({ crash, start: started }: RecordedObject): boolean {
  return crash === undefined && started === undefined;
}

function validationCase(one: RecordedObject): Case {
  return {
    name: `validation/${one.name}`,
    run: () => {
      const conversion = convertTree(treeOf({ ...base, ...one.v2 }), problemOf);
      const diff = lineDiff(
        (one.reports.validationerrors ?? []).map(shown),
        conversion.validationErrors.map(ours),
      );
      return verdict(diff, one.name);
    },
  };
}

const unreadable = 'Upgrade: what cannot be read is reported';
const convertible = 'Upgrade: what v3 can hold is converted';
const words = 'Upgrade: rules of v3.15';

/** Differences on purpose; see docs/differences.md. */
const accepted = new Map<string, string>([
  ['pool 10.154.0.0/16', unreadable],
  ['pool 10.155.0.0/16', unreadable],
  ['unparsable-value-skipped', unreadable],
  ['felix-mark-mask-hex', convertible],
  ['wep-lowercase-port-protocol', convertible],
  ['wep n-wep-vals|cni|val23|eth0', convertible],
  ['wep n-wep-vals|cni|val25|eth0', words],
  ['hep hep-only-host|if-0', words],
  ['policy portproto-01', words],
  ['policy portproto-05', words],
  ['policy portproto-06', words],
  ['policy sel-23', words],
  ['policy rsel-23', words],
]);

function verdict(diff: readonly string[], name: string): Outcome {
  if (diff.length === 0) return { result: 'agree' };
  const reason = accepted.get(name);
  const text = diff.join('\n');
  return reason === undefined ? { result: 'differ', diff: text } : { result: 'accepted', reason, diff: text };
}

/** The same field is sometimes listed twice, in an order that varies: the set counts. */
function shown({ v1, v3, fields }: RecordedProblem): string {
  return `${v1} -> ${v3}: ${[...new Set(fields.map((field) => field.join(': ')))].sort().join('; ')}`;
}

function ours(one: Conversion['validationErrors'][number]): string {
  const fields = problemsIn(one.resource).map(({ field, reason }) => [field, reason] as const);
  return shown({ ...one, fields });
}

function failureCase(one: Failure): Case {
  return {
    name: `failure/${one.name}`,
    run: async () => {
      const outputDir = mkdtempSync(join(tmpdir(), 'upgrade-'));
      let output = '';
      const command = one.command.startsWith('start') ? start : dryRun;
      const exit = await command({
        stores: { v1: memoryV1Store(one.v2), v3: new MemoryKv() },
        out: new StatusText({
          write: (text) => {
            output += text;
          },
        }),
        outputDir,
        ignoreV3Data: false,
        noPrompts: true,
        prompt: async () => undefined,
        sleep: async () => {},
        now: () => new Date(0),
        uuid: () => 'uid',
      });
      const file = one.report === null ? undefined : join(outputDir, one.report);
      const report = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : '';
      rmSync(outputDir, { recursive: true });
      const where = collapsed(file === undefined ? output : report);
      const lines = one.expect.filter((text) => !where.includes(collapsed(text))).map((text) => `- ${text}`);
      if (exit !== one.exit) lines.push(`- exit ${one.exit}`, `+ exit ${exit}`);
      return verdict(lines, one.name);
    },
  };
}

/** One store with every odd object: each line of the four reports. */
function mixedCase(folder: string, objects: readonly RecordedObject[]): Case {
  return {
    name: 'reports/mixed',
    run: () => {
      const recorded = read<Record<string, string>>(folder, 'mixed-reports.json');
      const dump = Object.assign(
        {},
        read<V2Dump>(folder, 'v2-wide.json'),
        ...objects.filter(plain).map(({ v2 }) => v2),
      );
      return reportsOutcome(dump, {
        convertednames: lines(recorded['convertednames']),
        nameclashes: lines(recorded['nameclashes']),
        conversionerrors: lines(recorded['conversionerrors']),
        validationerrors: (recorded['validationerrors'] ?? '')
          .split('\n\n---\n\n')
          .filter(Boolean)
          .map(invalidName),
      });
    },
  };
}

function randomCase(folder: string): Case {
  return {
    name: 'reports/random',
    run: () => {
      const extra = read<{
        v2: V2Dump;
        reports: Record<string, readonly string[]> & { validationerrors: readonly RecordedProblem[] };
      }>(folder, 'random-extra.json');
      return reportsOutcome(
        { ...read<V2Dump>(folder, 'v2-random.json'), ...extra.v2 },
        {
          convertednames: extra.reports['convertednames'] ?? [],
          nameclashes: extra.reports['nameclashes'] ?? [],
          conversionerrors: extra.reports['conversionerrors'] ?? [],
          validationerrors: extra.reports.validationerrors.map(({ v1, v3 }) => `${v1} -> ${v3}`),
        },
      );
    },
  };
}

type Lists = Readonly<
  Record<'convertednames' | 'nameclashes' | 'conversionerrors' | 'validationerrors', readonly string[]>
>;

/** Ours may say more, of what upstream loses silently; it may not say less. */
function reportsOutcome(dump: V2Dump, recorded: Lists): Outcome {
  const tree = treeOf(dump);
  const conversion = convertTree(tree, problemOf);
  const reports = renderReports({
    ...conversion,
    conversionErrors: [...conversion.conversionErrors, ...convertIpam(tree).errors],
  });
  const actual: Lists = {
    convertednames: lines(reports.get('convertednames')),
    nameclashes: lines(reports.get('nameclashes')),
    conversionerrors: lines(reports.get('conversionerrors')),
    validationerrors: conversion.validationErrors.map(({ v1, v3 }) => `${v1} -> ${v3}`),
  };
  const reportedNow = new Set(
    actual.conversionerrors.filter((line) => !recorded.conversionerrors.includes(line)).map(keyOf),
  );
  const differences: string[] = [];
  let more = reportedNow.size;
  for (const name of Object.keys(recorded) as (keyof Lists)[]) {
    for (const line of lineDiff(recorded[name], actual[name])) {
      const accepted =
        (name === 'conversionerrors' && line.startsWith('+ ')) ||
        // Partly unreadable: upstream converts the rest of it, ours reports it.
        (line.startsWith('- ') && reportedNow.has(keyOf(line.slice(2)))) ||
        onPurpose.some((key) => line.includes(key));
      if (accepted) more++;
      else differences.push(`${name}: ${line}`);
    }
  }
  if (differences.length > 0) return { result: 'differ', diff: differences.join('\n') };
  if (more > 0)
    return {
      result: 'accepted',
      reason: 'Upgrade: what cannot be read is reported',
      diff: [...reportedNow].join('\n'),
    };
  return { result: 'agree' };
}

/** Judged differently on purpose: objects of the accepted cases above, two that v3 could not hold, and tags listed twice. */
const onPurpose = [
  '(node=fx-22,',
  '(node=fx-23,',
  '(node=fx-24,',
  'Profile(name=pf-dup-tags)',
  'Profile(name=kns.Lx8gPpus_8ge6)',
  'HostEndpoint(node=hep-only-host, name=if-0)',
  'Policy(name=portproto-06)',
  'workload=val23,',
  'workload=val25,',
  'workload=val04,',
  'Node(name=n-tunnel-garbage)',
];

/** `Kind(key)` at the beginning of a line. */
function keyOf(line: string): string {
  return line.slice(0, line.indexOf(')') + 1);
}

/** `v1 name: …v3 name: …error: …` without line ends between, as the real tool writes it. */
function invalidName(entry: string): string {
  const match = /^v1 name: (.*)v3 name: (.*)error: /.exec(entry);
  return `${match?.[1]} -> ${match?.[2]}`;
}

function lines(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}

function lineDiff(expected: readonly string[], actual: readonly string[]): readonly string[] {
  return [
    ...expected.filter((line) => !actual.includes(line)).map((line) => `- ${line}`),
    ...actual.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`),
  ];
}

function collapsed(text: string): string {
  return text.replace(/\s+/g, '');
}

function read<T>(folder: string, file: string): T {
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
}
