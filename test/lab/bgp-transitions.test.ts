/** Changes of the peering under a continuous stream between pods: what plan calls harmless loses nothing. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { streamDuring } from './stream.ts';
import { documentInventory, TestLab } from './support.ts';

const lab = new TestLab('bgptransitions');
const pairs = [
  ['node2/pod1', 'node5/pod1'],
  ['node4/pod1', 'node3/pod1'],
] as const;
/** Sessions that end outlive their reason by ten seconds: the stream goes on until after that. */
const overlapping = 13;
const calicoctl = (...args: readonly string[]) => lab.exec('node2', 'calicoctl.sh', ...args);

beforeAll(async () => {
  await lab.up(documentInventory);
}, 120_000);

afterAll(() => lab.down());

function mesh(on: boolean): Promise<string> {
  return calicoctl(
    ...['patch', 'bgpconfiguration', 'default', '-p'],
    JSON.stringify({ spec: { nodeToNodeMeshEnabled: on } }),
  );
}

function apply(resource: object): Promise<string> {
  return lab.exec('node2', 'sh', '-c', 'echo "$0" | calicoctl.sh apply -f -', JSON.stringify(resource));
}

function peer(name: string, nodeSelector: string): Promise<string> {
  return apply({
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name },
    spec: { nodeSelector, peerSelector: 'has(i-am-a-route-reflector)' },
  });
}

async function reflector(host: string, on: boolean): Promise<void> {
  const id = on ? '1.0.0.1' : '';
  const patch = () =>
    calicoctl(
      'patch',
      'node',
      host,
      '-p',
      JSON.stringify({ spec: { bgp: { routeReflectorClusterID: id } } }),
    );
  if (on) await patch();
  await (on
    ? calicoctl('label', 'nodes', host, 'i-am-a-route-reflector=true', '--overwrite')
    : calicoctl('label', 'nodes', host, 'i-am-a-route-reflector', '--remove'));
  if (!on) await patch();
}

/** Nothing lost, by any stream. */
async function lossless(what: string, change: () => Promise<unknown>, seconds = 7): Promise<void> {
  const results = await streamDuring(lab, what, pairs, seconds, change);
  expect(results.map(({ lost }) => lost)).toEqual(pairs.map(() => 0));
}

test('a reflector is taken away, and comes back', async () => {
  await lossless('removing rr1', () => reflector('rr1', false));
  await lossless('adding rr1', () => reflector('rr1', true));
}, 60_000);

test('one of two reflectors dies', async () => {
  await lossless('killing rr0', async () => {
    await lab.must('process', 'stop', 'rr0/calico-node');
    await lab.must('process', 'kill', 'rr0/bird');
  });
  await lab.must('process', 'start', 'rr0/calico-node');
  await lab.settled();
}, 60_000);

test('reflectors give way to the mesh, in the order that plan proposes', async () => {
  await lossless(
    'reflectors to mesh',
    async () => {
      await mesh(true);
      await calicoctl('delete', 'bgppeer', 'peer-to-rrs');
      await calicoctl('delete', 'bgppeer', 'rr-mesh');
    },
    overlapping,
  );
  expect(await calicoctl('node', 'status')).toMatch(/10\.210\.1\.15 +\| node-to-node mesh +\| up/);
}, 60_000);

test('the AS number of all hosts changes', async () => {
  await lossless('changing the AS number', () =>
    calicoctl(
      ...['patch', 'bgpconfiguration', 'default', '-p'],
      JSON.stringify({ spec: { asNumber: 65401 } }),
    ),
  );
  await calicoctl('patch', 'bgpconfiguration', 'default', '-p', '{"spec":{"asNumber":65400}}');
  await Bun.sleep(5000);
}, 60_000);

test('the mesh gives way to reflectors, in the order that plan proposes', async () => {
  await lossless(
    'mesh to reflectors',
    async () => {
      await peer('peer-to-rrs', '!has(i-am-a-route-reflector)');
      await peer('rr-mesh', 'has(i-am-a-route-reflector)');
      await mesh(false);
    },
    overlapping,
  );
  await lab.settled();
}, 60_000);

test('a host with pods becomes a reflector: the interruption is that of its own sessions', async () => {
  const results = await streamDuring(lab, 'node3 becomes a reflector', pairs, 7, () =>
    reflector('node3', true),
  );
  // Between other hosts nothing is lost; to its own pods the route is away until its session is back.
  expect(results[0]?.lost).toBe(0);
}, 60_000);
