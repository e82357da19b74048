/** The snippets of the documentation work: each is planned on top of the document's example. */
import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFiles, planCluster } from './index.ts';

const docs = join(import.meta.dirname, '../../docs');
const example = join(import.meta.dirname, '../../examples/kubespray-rr');
const hosts = readFileSync(join(example, 'hosts.ini'), 'utf8');

const snippets = readdirSync(docs)
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) =>
    [...readFileSync(join(docs, name), 'utf8').matchAll(/```yml\n([\s\S]*?)```/g)].map((match, index) => ({
      name: `${name} ${index + 1}`,
      text: match[1]!,
    })),
  );

describe('documentation', () => {
  test('has snippets', () => expect(snippets.length).toBeGreaterThan(8));
  test.each(snippets)('$name', ({ text }) => {
    const files = memoryFiles({
      '/inventory/hosts.ini': hosts,
      '/inventory/group_vars/k8s-cluster/calico.yml': text,
    });
    const { findings } = planCluster(['/inventory/hosts.ini'], { files });
    expect(
      findings.filter((finding) => finding.severity === 'error').map((finding) => finding.message),
    ).toEqual([]);
  });
});
