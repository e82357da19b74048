/** `calico ipam doctor` as a process, on the state of a recording with problems. */
import { expect, test } from 'bun:test';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import recorded from '../../src/ipam/testdata/ipam-check-problems.json';
import { startEtcd } from '../support/etcd.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

function doctor(endpoint: string, ...args: string[]) {
  const env = { ...process.env, ETCD_ENDPOINTS: endpoint };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [main, 'ipam', 'doctor', ...args],
      { env },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('finds, proves, plans, repairs on request only, and then finds what needs a person', async () => {
  const etcd = await startEtcd();
  try {
    const client = etcd.client();
    for (const [key, value] of Object.entries(recorded))
      await client.put(key, new TextEncoder().encode(value));
    const [endpoint] = etcd.endpoints as [string];
    const first = await doctor(endpoint);
    expect(first.code).toBe(1);
    expect(first.stdout).toContain('leaked: 10.65.0.23');
    expect(first.stdout).toContain('it was given to pod prod/gone, and no WorkloadEndpoint has it');
    expect(first.stdout).toContain('9 problems found.');
    const unasked = await doctor(endpoint, '--fix');
    expect(unasked.stderr).toContain('repeat with --yes');
    const fixed = await doctor(endpoint, '--fix', '--yes');
    expect(fixed.stderr).toContain('4 of 4 done');
    const report = JSON.parse((await doctor(endpoint, '-o', 'json')).stdout) as {
      findings: { kind: string }[];
    };
    expect(report.findings.map(({ kind }) => kind).sort()).toEqual([
      'double-use',
      'leaked',
      'leaked',
      'outside-pools',
      'unallocated-use',
    ]);
    client.close();
  } finally {
    await etcd.stop();
  }
}, 60_000);
