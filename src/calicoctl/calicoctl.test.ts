/** What upstream never had, and the commands of old releases. Everything else is in the recordings. */
import { beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { memoryRunner, quietHost } from './testing/run-in-memory.ts';

const manifest = `apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: default-pool}
spec: {cidr: 10.233.64.0/18, ipipMode: Always, natOutgoing: true, blockSize: 24}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {name: node2-k8s-nginx-eth0, namespace: default}
spec: {orchestrator: k8s, node: node2, pod: nginx, endpoint: eth0, ipNetworks: [10.233.90.3/32],
  interfaceName: calic440f455693, mac: "ee:ee:ee:ee:ee:ee", profiles: [kns.default]}
`;

let { run, revision } = memoryRunner();
beforeEach(() => {
  ({ run, revision } = memoryRunner());
});

describe('apply', () => {
  test('writes nothing when nothing changes', async () => {
    await run('apply -f -', manifest);
    const before = await revision();
    expect(await run('apply -f -', manifest)).toMatchObject({
      code: 0,
      out: 'Successfully applied 2 resource(s)\n',
    });
    expect(await revision()).toBe(before);
  });

  test('--dry-run says what would be done and writes nothing', async () => {
    const before = await revision();
    const { code, out } = await run('apply -f - --dry-run', manifest);
    expect(out).toStartWith('IPPool(default-pool) would be created\n');
    expect(code).toBe(0);
    expect(await revision()).toBe(before);
  });

  test('--dry-run fails where apply would', async () => {
    const { code, err } = await run(
      'apply -f - --dry-run',
      manifest.replace('blockSize: 24', 'blockSize: 40'),
    );
    expect(code).toBe(1);
    expect(err).toContain('IPv4 block size must be between 20 and 32');
  });
});

describe('diff', () => {
  test('ends with 1 and shows what changes', async () => {
    await run('apply -f -', manifest);
    expect(await run('diff -f -', manifest)).toEqual({ code: 0, out: '', err: '' });
    const { code, out } = await run(
      'diff -f -',
      manifest.replace('ipipMode: Always', 'ipipMode: CrossSubnet'),
    );
    expect(code).toBe(1);
    expect(out).toContain('-  ipipMode: Always\n+  ipipMode: CrossSubnet\n');
  });

  test('ends with 2 when it cannot tell', async () => {
    expect((await run('diff -f -', 'kind: Foo')).code).toBe(2);
  });
});

test('explain documents kinds and fields from the schema', async () => {
  expect((await run('explain ippool.spec.ipipmode')).out).toContain('One of: Never, Always, CrossSubnet');
  expect((await run('explain bgppeer.nope')).err).toContain('nothing is called nope');
});

test('completion knows commands, kinds, names and namespaces', async () => {
  await run('apply -f -', manifest);
  const words = async (...line: string[]) => (await run(['completion', 'words', '--', ...line])).out;
  expect(await words('ge')).toBe('get\n');
  expect(await words('get', 'ippo')).toBe('ippool\n');
  expect(await words('get', 'ippool', '')).toBe('default-pool\n');
  expect(await words('get', 'wep', '-n', '')).toBe('default\n');
  for (const shell of ['bash', 'zsh', 'fish']) expect((await run(`completion ${shell}`)).code).toBe(0);
});

describe('old commands', () => {
  beforeEach(() => run('apply -f -', manifest));

  test('pool show', async () => {
    const { out, err } = await run('pool show --ipv4');
    expect(out).toBe(`+----------------+-------------------+
|   IPv4 CIDR    |      Options      |
+----------------+-------------------+
| 10.233.64.0/18 | ipip,nat-outgoing |
+----------------+-------------------+
`);
    expect(err).toBe('pool: an old command; today it is: calicoctl get ippool -o wide\n');
  });

  test('endpoint show --detail, as the driving document has it', async () => {
    expect((await run('endpoint show --detail')).out).toBe(
      `+----------+-----------------+---------------+-------------+----------------+-------------------+-------------+--------+
| Hostname | Orchestrator ID |  Workload ID  | Endpoint ID |   Addresses    |        MAC        |   Profiles  | State  |
+----------+-----------------+---------------+-------------+----------------+-------------------+-------------+--------+
|  node2   |       k8s       | default/nginx |     eth0    | 10.233.90.3/32 | ee:ee:ee:ee:ee:ee | kns.default | active |
+----------+-----------------+---------------+-------------+----------------+-------------------+-------------+--------+

`,
    );
  });

  test('status', async () => {
    const birdReply = [
      '0001 BIRD 2.0.12 ready.',
      '2002-Name       Proto      Table      State  Since         Info',
      '1002-Mesh_172_17_8_101 BGP        ---        up     17:54:00      Established   ',
      '0000 ',
    ];
    const host = {
      ...quietHost,
      processes: () => [
        { pid: 1, argv: ['calico-node'] },
        { pid: 2, argv: ['/usr/sbin/bird'] },
      ],
      birdQuery: async () => birdReply,
    };
    ({ run, revision } = memoryRunner({ host: async () => host }));
    await run(
      'create -f -',
      'apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: node1}\nspec: {bgp: {ipv4Address: 172.17.8.100/24}}',
    );
    const { out } = await run('status');
    expect(out).toContain(`IP: 172.17.8.100    AS Number: 64512 (inherited)
+--------------+-------------------+-------+----------+-------------+
| Peer address |     Peer type     | State |  Since   |     Info    |
+--------------+-------------------+-------+----------+-------------+
| 172.17.8.101 | node-to-node mesh |   up  | 17:54:00 | Established |
+--------------+-------------------+-------+----------+-------------+
`);
  });

  test('bgp peers, mesh and AS number', async () => {
    await run('bgp peer add 10.0.0.1 as 65000');
    expect((await run('bgp peer show --ipv4')).out).toContain('| 10.0.0.1             | 65000  |');
    await run('bgp node-mesh off');
    expect((await run('bgp node-mesh')).out).toBe('off\n');
    expect((await run('bgp default-node-as')).out).toBe('64512\n');
    expect(await run('bgp peer remove 10.0.0.9')).toMatchObject({
      code: 1,
      out: '10.0.0.9 is not a globally configured peer.\n',
    });
  });
});

test('mutated manifests end in an error that names what is wrong, never in a crash or half an object', async () => {
  const characters = [...'{}[]:,-"\'\\\n\t &*!|>%@`#0aZé\u0000'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(manifest.length), fc.constantFrom(...characters), fc.boolean()), {
        minLength: 1,
        maxLength: 4,
      }),
      async (changes) => {
        let text = manifest;
        for (const [at, character, replace] of changes) {
          text = text.slice(0, at) + character + text.slice(at + (replace ? 1 : 0));
        }
        const fresh = memoryRunner();
        const { code, out, err } = await fresh.run('apply -f -', text);
        expect([0, 1]).toContain(code);
        if (code === 1) expect(out + err).not.toBe('');
        expect(err).not.toMatch(/TypeError|undefined is not|Cannot read/);
      },
    ),
    { numRuns: Number(process.env['CTL_RUNS'] ?? 200) },
  );
}, 120_000);

const characters = [...'{}[]:,"\'\\\n0a.-null'];
const edits = fc.array(fc.tuple(fc.nat(600), fc.constantFrom(...characters), fc.nat(8)), {
  minLength: 1,
  maxLength: 3,
});

function edited(text: string, changes: readonly (readonly [number, string, number])[]): string {
  return changes.reduce((result, [at, character, cut]) => {
    const place = at % (result.length + 1);
    return result.slice(0, place) + character + result.slice(place + cut);
  }, text);
}

test('damaged stored values cost nobody else, and are named when asked for', async () => {
  const stored = JSON.stringify({
    kind: 'IPPool',
    apiVersion: 'projectcalico.org/v3',
    metadata: { name: 'p', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', labels: { a: 'b' } },
    spec: { cidr: '10.0.0.0/16', blockSize: 26, ipipMode: 'Always', nodeSelector: 'all()' },
  });
  const path = '/calico/resources/v3/projectcalico.org/ippools/';
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const fresh = memoryRunner();
      await fresh.put(`${path}whole`, stored.replace('"p"', '"whole"'));
      await fresh.put(`${path}p`, edited(stored, changes));
      const lines = [
        'get ippool -o wide',
        'get ippool -o yaml',
        'get ippool p',
        'label ippool p x=y',
        'ipam show',
      ];
      for (const line of lines) {
        const { code, out, err } = await fresh.run(line);
        expect([0, 1]).toContain(code);
        expect(out + err).not.toMatch(/TypeError|undefined is not|Cannot read|is not a function|Cannot mix/);
      }
      expect((await fresh.run('get ippool')).out).toContain('whole');
    }),
    { numRuns: Number(process.env['CTL_RUNS'] ?? 60) },
  );
}, 120_000);

test('damaged configuration files end in an error that names the file, or work', async () => {
  const config =
    'apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  datastoreType: etcdv3\n  etcdEndpoints: http://127.0.0.1:2379\n';
  const file = join(mkdtempSync(join(tmpdir(), 'ctl-')), 'c.cfg');
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      writeFileSync(file, edited(config, changes));
      const { code, out, err } = await memoryRunner().run(['get', 'node', '-c', file]);
      if (code !== 0) expect(out).toStartWith('Failed to create Calico API client: ');
      expect(out + err).not.toMatch(/TypeError|undefined is not|Cannot read|is not a function/);
    }),
    { numRuns: Number(process.env['CTL_RUNS'] ?? 60) },
  );
}, 120_000);
