/**
 * What `calico plan` says of the examples and of typical changes, word for word. `UPDATE_TEXTS=1 bun test …` writes the
 * texts anew: read the difference before committing it.
 */
import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { planProgram } from '../program.ts';

const root = join(import.meta.dirname, '../../..');
const texts = join(import.meta.dirname, '../testdata/texts');
const inventories = relative(process.cwd(), join(import.meta.dirname, '../testdata'));
const example = relative(process.cwd(), join(root, 'examples/kubespray-rr/hosts.ini'));

async function plan(argv: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const out = (part: string) => {
    text += part;
  };
  const code = await planProgram(argv, { env: {}, out, err: out, live: async () => [] });
  return { code, text: text.replaceAll(`${inventories}/`, '') };
}

function agree(name: string, { code, text }: { code: number; text: string }): void {
  const file = join(texts, `${name}.txt`);
  const whole = `${text}exit code ${code}\n`;
  if (process.env['UPDATE_TEXTS'] || !existsSync(file)) writeFileSync(file, whole);
  expect(whole).toBe(readFileSync(file, 'utf8'));
}

const of = (name: string, file = 'hosts.ini') => join(inventories, name, file);

describe('plan of the examples', () => {
  test('the driving document', async () => agree('document', await plan(['-i', example])));
  for (const [name, file] of [
    ['single-node', 'hosts.ini'],
    ['mesh6-vxlan', 'hosts.ini'],
    ['border-two-sites', 'hosts.ini'],
    ['hash-trap', 'hosts.ini'],
    ['v231-dualstack', 'hosts.yml'],
  ] as const)
    test(name, async () => agree(name, await plan(['-i', of(name, file)])));
});

describe('what a change means', () => {
  const changes = join(inventories, 'changes');
  const change = async (name: string, before: string, after: string) =>
    agree(name, await plan(['-i', join(changes, after), '--against', join(changes, before)]));
  test('nothing', () => change('change-nothing', 'mesh.ini', 'mesh.ini'));
  test('mesh to reflectors', () => change('change-reflectors', 'mesh.ini', 'reflectors.ini'));
  test('IP in IP to VXLAN', () => change('change-vxlan', 'mesh.ini', 'vxlan.ini'));
  test('a host is added', () => change('change-host', 'mesh.ini', 'host-added.ini'));
  test('the AS number changes', () => change('change-as', 'mesh.ini', 'as.ini'));
  test('the range of the pool changes', () => change('change-pool', 'mesh.ini', 'pool.ini'));
  test('peers are removed', () => change('change-peers', 'peers.ini', 'mesh.ini'));
});

test('against a live datastore: fields of others stay, stale peers are named', async () => {
  let text = '';
  const resource = (kind: string, name: string, spec: Record<string, unknown>) => ({
    apiVersion: 'projectcalico.org/v3',
    kind,
    metadata: { name },
    spec,
  });
  const code = await planProgram(['-i', join(inventories, 'changes/mesh.ini'), '--against', 'live'], {
    env: {},
    out: (part) => {
      text += part;
    },
    err: () => undefined,
    live: async () => [
      resource('IPPool', 'default-pool', {
        cidr: '10.233.64.0/18',
        blockSize: 26,
        ipipMode: 'Always',
        vxlanMode: 'Never',
        natOutgoing: true,
      }),
      resource('IPPool', 'second', { cidr: '10.250.0.0/16', ipipMode: 'Never', vxlanMode: 'Never' }),
      resource('BGPConfiguration', 'default', {
        asNumber: 64512,
        nodeToNodeMeshEnabled: true,
        logSeverityScreen: 'Info',
        serviceExternalIPs: [{ cidr: '203.0.113.0/24' }],
      }),
      resource('BGPPeer', 'global-10.0.0.254', { peerIP: '10.0.0.254', asNumber: 65001 }),
      ...['m1', 'n1', 'n2', 'n3'].map((name, at) =>
        resource('Node', name, { bgp: { ipv4Address: `10.0.0.${at + 1}/24` } }),
      ),
    ],
  });
  agree('against-live', { code, text });
});

test('a drawing of the document shows its nine sessions and six hosts', async () => {
  const { text } = await plan(['-i', example, '-o', 'svg']);
  expect(text.match(/<title>\w+ – \w+: iBGP/g)?.length).toBe(9);
  expect(text).toContain('10.210.1.0/24');
  for (const name of ['rr0', 'rr1', 'node2', 'node3', 'node4', 'node5'])
    expect(text).toContain(`>${name}</text>`);
  expect(text).toContain('AS 65400');
  expect(text).toContain('cluster id 1.0.0.1');
});

test('where a value comes from', async () =>
  agree('why', await plan(['-i', of('hash-trap'), '--why', 'b.peers'])));
