/** The report files of a conversion. Pure but for writing them. Upstream: calico-upgrade pkg/commands. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { CalicoError, messageOf } from '../errors.ts';
import type { Conversion } from './convert.ts';

/** Report files and how they are announced, in the order of announcement. */
export const reportFiles = [
  { name: 'convertednames', title: 'name conversion' },
  { name: 'nameclashes', title: '(errors) name clashes' },
  { name: 'conversionerrors', title: '(errors) conversion errors' },
  { name: 'validationerrors', title: '(errors) v3 validation errors' },
] as const;

/** Name of a report file. */
export type ReportName = (typeof reportFiles)[number]['name'];

/** What went into the reports: conversion, and what IPAM adds. */
export type ReportSource = Pick<
  Conversion,
  'convertedNames' | 'nameClashes' | 'conversionErrors' | 'validationErrors'
>;

/** Text of each report that has something to say. */
export function renderReports(source: ReportSource): ReadonlyMap<ReportName, string> {
  const reports = new Map<ReportName, string>();
  const put = (name: ReportName, lines: readonly string[]) => {
    if (lines.length > 0) reports.set(name, `${lines.join('\n')}\n`);
  };
  put(
    'convertednames',
    source.convertedNames.map(({ v1, v3 }) => `${v1} -> ${v3}`),
  );
  put(
    'nameclashes',
    source.nameClashes.map(({ v1, other, v3 }) => `${v1} and ${other} -> ${v3}`),
  );
  put(
    'conversionerrors',
    source.conversionErrors.map(({ v1, cause }) => `${v1}: ${cause}`),
  );
  put(
    'validationerrors',
    source.validationErrors.map(({ v1, v3, error, resource }) => {
      const yaml = stringify(
        { ...resource, metadata: { creationTimestamp: null, ...resource.metadata } },
        { sortMapEntries: true },
      );
      return `v1 name: ${v1}\nv3 name: ${v3}\nerror: ${error.trimEnd()}\nv3 resource:\n${yaml}\n---\n`;
    }),
  );
  return reports;
}

/** Makes the folder, proves that reports can be written there, and removes those of an earlier run. @throws CalicoError */
export function prepareReports(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const { name } of reportFiles) {
      writeFileSync(join(folder, name), '');
      rmSync(join(folder, name));
    }
  } catch (error) {
    throw new CalicoError('INPUT', `cannot write reports into ${folder}: ${messageOf(error)}`, {
      cure: 'Name a folder that can be written with --output-dir.',
    });
  }
}

/** Writes the reports and returns the lines that announce them. */
export function writeReports(folder: string, source: ReportSource): readonly string[] {
  const reports = renderReports(source);
  return reportFiles.flatMap(({ name, title }) => {
    const text = reports.get(name);
    if (text === undefined) return [];
    writeFileSync(join(folder, name), text);
    return [`- ${title}: ${join(folder, name)}`];
  });
}
