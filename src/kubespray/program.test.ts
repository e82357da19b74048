/** The command line: exit codes, errors with cures, JSON. */
import { describe, expect, test } from 'bun:test';
import { relative } from 'node:path';
import { memoryDatastore } from '../datastore/index.ts';
import { planProgram, resourcesOf } from './program.ts';

const testdata = relative(process.cwd(), `${import.meta.dirname}/testdata`);

async function run(...argv: string[]) {
  let out = '';
  let err = '';
  const code = await planProgram(argv, {
    env: {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    live: async () => [],
  });
  return { code, out, err };
}

describe('calico plan', () => {
  test('no inventory: what to give', async () => {
    expect(await run()).toEqual({
      code: 1,
      out: '',
      err: 'calico plan: no inventory given\n  Give one with -i PATH.\n',
    });
  });

  test('an unknown option, format or release is an error', async () => {
    expect((await run('--nope')).code).toBe(1);
    expect((await run('-i', `${testdata}/rr-doc/hosts.ini`, '-o', 'pdf')).err).toContain(
      'Use text, json, dot or svg.',
    );
    expect((await run('-i', `${testdata}/rr-doc/hosts.ini`, '--kubespray-release', 'v2.13.0')).err).toContain(
      'from v2.14.0 to v2.31.0',
    );
  });

  test('--help and --variables', async () => {
    expect((await run('--help')).out).toContain('usage: calico plan');
    expect((await run('--variables')).out).toContain('| `calico_ipip_mode` |');
  });

  test('errors in the inventory end with 1, though the plan is shown', async () => {
    const { code, out } = await run('-i', `${testdata}/rr-doc/hosts.ini`, '-e', 'calico_ipip_mode=sometimes');
    expect(code).toBe(1);
    expect(out).toContain(
      "error: calico inter host encapsulation mode is not 'Always', 'CrossSubnet' or 'Never'",
    );
  });

  test('JSON holds plan, findings and proof', async () => {
    const { code, out } = await run('-i', `${testdata}/rr-doc/hosts.ini`, '-o', 'json');
    const { plan, findings, proof } = JSON.parse(out);
    expect(code).toBe(0);
    expect(plan.sessions).toHaveLength(9);
    expect(findings).toHaveLength(1);
    expect(proof.reachability.losses).toEqual([]);
  });

  test('dot names every host', async () => {
    const { out } = await run('-i', `${testdata}/rr-doc/hosts.ini`, '-o', 'dot');
    expect(out.match(/ -- /g)).toHaveLength(9);
  });

  test('extra variables apply to the new inventory only', async () => {
    const path = `${testdata}/rr-doc/hosts.ini`;
    const { code, out } = await run('-i', path, '-e', 'calico_healthhost=0.0.0.0', '--against', path);
    expect(code).toBe(2);
    expect(out).toContain('restarts with other settings: FELIX_HEALTHHOST');
  });

  test('--why of an unknown host', async () => {
    expect((await run('-i', `${testdata}/rr-doc/hosts.ini`, '--why', 'nobody.peers')).err).toContain(
      'no host of the inventory fits',
    );
  });
});

test('a live datastore is read', async () => {
  const datastore = memoryDatastore();
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'p' },
    spec: { cidr: '10.0.0.0/16' },
  };
  await datastore.create({ type: 'resource', kind: 'IPPool', name: 'p' }, value);
  expect((await resourcesOf(datastore)).map((one) => one.metadata.name)).toEqual(['p']);
  datastore.close();
});
