/** What `calico bgp what-if` foretells, against what happens when it is done. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { documentInventory, TestLab } from './support.ts';

const lab = new TestLab('bgpwhatif');
const nodes = ['node2', 'node3', 'node4', 'node5'];

interface Answer {
  readonly lost: readonly { readonly receiver: string; readonly missing: number }[];
}

beforeAll(async () => {
  await lab.up(documentInventory);
}, 120_000);

afterAll(() => lab.down());

async function whatIf(...args: readonly string[]): Promise<Answer> {
  const { stdout } = await lab.run(
    ...(['exec', 'node2', '--', 'sh', '-c', 'calico bgp what-if "$@" -o json || true', 'x'] as const),
    ...args,
  );
  return JSON.parse(stdout) as Answer;
}

/** Hosts without a route to a block of another node, as their kernels have it. */
async function withoutRoutes(): Promise<readonly string[]> {
  const blocks = new Map<string, string>();
  for (const node of nodes) {
    const routes = await lab.exec(node, 'ip', 'route');
    blocks.set(node, /^blackhole (\S+)/m.exec(routes)![1]!);
  }
  const lacking: string[] = [];
  for (const node of nodes) {
    const routes = await lab.exec(node, 'ip', 'route');
    const others = [...blocks].filter(([other]) => other !== node).map(([, block]) => block);
    if (others.some((block) => !routes.includes(`${block} via`))) lacking.push(node);
  }
  return lacking;
}

/** Ends BIRD for good, as when the host burns down: its peers wait the graceful restart time for it. */
async function kill(host: string): Promise<void> {
  await lab.must('process', 'stop', `${host}/calico-node`);
  await lab.exec(host, 'birdcl', '-s', '/var/run/calico/bird.ctl', 'down');
}

test('one reflector may go, the second may not', async () => {
  expect((await whatIf('--remove=rr0')).lost).toEqual([]);
  const both = await whatIf('--remove=rr0', '--remove=rr1');
  expect(both.lost.map(({ receiver }) => receiver).sort()).toEqual(nodes);

  await kill('rr0');
  await Bun.sleep(1000);
  expect(await withoutRoutes()).toEqual([]);
  await kill('rr1');
  await Bun.sleep(1000);
  expect(await withoutRoutes()).toEqual(nodes);

  for (const host of ['rr0', 'rr1']) await lab.must('process', 'start', `${host}/calico-node`);
  await lab.settled();
  expect(await withoutRoutes()).toEqual([]);
}, 90_000);
