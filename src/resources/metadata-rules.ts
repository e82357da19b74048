/** Names, labels and annotations. Upstream: validator.go (ObjectMeta) and k8s.io/apimachinery/pkg/util/validation. */
import type { Problem } from './problem.ts';
import type { Metadata } from './resource.ts';
import type { Release } from './schema.ts';

const nameRegex = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const labelRegex = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const partRegex = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const subdomain = new RegExp(`^${nameRegex}$`);
const part = new RegExp(`^${partRegex}$`);
const consists =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const partExamples = `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${partRegex}')`;
const maxNameLength = 253;
const maxAnnotationBytes = 256 * 1024;

/** Names of single DNS labels. */
export const dnsLabel: RegExp = new RegExp(`^${labelRegex}$`);
/** Upstream's reason for a name that must be a single label and is not. */
export const notDnsLabel = `name must consist of lower case alphanumeric characters or '-' (regex: ${labelRegex})`;

/** Problems of metadata that every kind has. */
export function metadataProblems(metadata: Metadata, release: Release): readonly Problem[] {
  const problems: Problem[] = [];
  const { name } = metadata;
  if (name.length > maxNameLength) {
    const reason = `name is too long by ${name.length - maxNameLength} bytes`;
    problems.push({ field: 'Metadata.Name', value: name, reason });
  }
  if (!subdomain.test(name)) {
    const reason = `name must consist of lower case alphanumeric characters, '-' or '.' (regex: ${nameRegex})`;
    problems.push({ field: 'Metadata.Name', value: name, reason });
  }
  problems.push(...annotationProblems(metadata.annotations ?? {}, 'Metadata.Annotations', release));
  problems.push(...labelProblems(metadata.labels ?? {}, release));
  return problems;
}

/** Problems of annotations; `where` is `Metadata.Annotations` also for those of rules. */
export function annotationProblems(
  annotations: Readonly<Record<string, string>>,
  where: string,
  release: Release,
): readonly Problem[] {
  const problems: Problem[] = [];
  let bytes = 0;
  for (const [key, value] of sorted(annotations)) {
    for (const reason of qualifiedNameProblems(key.toLowerCase(), release)) {
      problems.push({ field: `${where} (key)`, value: key, reason });
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationBytes) {
    const reason = `total size of annotations is too large by ${bytes - maxAnnotationBytes} bytes`;
    problems.push({
      field: where,
      value: `map[${sorted(annotations)
        .map((pair) => pair.join(':'))
        .join(' ')}]`,
      reason,
    });
  }
  return problems;
}

function labelProblems(labels: Readonly<Record<string, string>>, release: Release): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [key, value] of sorted(labels)) {
    for (const reason of qualifiedNameProblems(key, release)) {
      problems.push({ field: 'Metadata.Labels (label)', value: key, reason });
    }
    for (const reason of labelValueProblems(value, release)) {
      problems.push({ field: 'Metadata.Labels (value)', value, reason });
    }
  }
  return problems;
}

/** Whether the text is a label key: an optional DNS prefix, `/`, and a name. */
export function isQualifiedName(text: string): boolean {
  return qualifiedNameProblems(text, 'v3.32').length === 0;
}

function qualifiedNameProblems(text: string, release: Release): readonly string[] {
  const parts = text.split('/');
  const problems: string[] = [];
  if (parts.length > 2) {
    const what = release === 'v3.15' ? 'a qualified name' : 'a valid label key';
    const tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`${what} ${consists} ${partExamples} ${tail}`];
  }
  const [first, second] = parts as [string, string?];
  if (second !== undefined) {
    if (first === '') problems.push('prefix part must be non-empty');
    else if (!subdomain.test(first)) {
      problems.push(
        `prefix part a ${release === 'v3.15' ? 'DNS-1123' : 'lowercase RFC 1123'} subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${nameRegex}')`,
      );
    }
  }
  const name = second ?? first;
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push(tooLong('name part', release));
  if (!part.test(name)) problems.push(`name part ${consists} ${partExamples}`);
  return problems;
}

/** Upstream's reasons why a text is no label value. */
export function labelValueProblems(text: string, release: Release = 'v3.32'): readonly string[] {
  const problems: string[] = [];
  if (text.length > 63) problems.push(tooLong('', release));
  if (text !== '' && !part.test(text)) {
    problems.push(
      `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${partRegex})?')`,
    );
  }
  return problems;
}

function tooLong(what: string, release: Release): string {
  return `${what === '' ? '' : `${what} `}must be no more than 63 ${release === 'v3.15' ? 'characters' : 'bytes'}`;
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
