/** The page of error codes says what the table says. */
import { expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from './errors.ts';

const page = join(import.meta.dirname, '../docs/errors.md');

const text = `# Errors

Every error says what happened, to which object, and what to do next; programs print the message and then the cure. With \`-o json\`
and in the code an error has one of these codes:

| Code | Means |
|---|---|
${Object.entries(errorCodes)
  .map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
  .join('\n')}

Exit codes of our own programs: 0 done, 1 failed, 2 a command line that cannot be understood. \`calico plan\` and \`calicoctl diff\` end
with 2 when there are changes, \`calico-upgrade needed\` and \`inprogress\` with 1 for no and 2 for an error. calicoctl and the CNI
plugins otherwise end as upstream's do.

(Made from \`src/errors.ts\`; \`UPDATE_DOCS=1 npm run t src/errors.test.ts\` writes it again.)
`;

test('docs/errors.md is up to date', () => {
  if (process.env['UPDATE_DOCS']) writeFileSync(page, text);
  expect(readFileSync(page, 'utf8')).toBe(text);
});
