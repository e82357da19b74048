/** Host interfaces are gone, with their routes, when their removal says so, before the kernel acknowledges. */
import { afterAll, expect, test } from 'bun:test';
import { removeHostLink } from '../../src/cni/linux/link-removal.ts';
import {
  createNamespace,
  deleteNamespace,
  interfaceIndex,
  Namespace,
  RtNetlink,
} from '../../src/linux/index.ts';

const host = new RtNetlink();
const pods = Array.from({ length: 12 }, (_, i) => i);

afterAll(() => {
  host.close();
  for (const pod of pods) deleteNamespace(`links${pod}`);
});

function make(pod: number): void {
  createNamespace(`links${pod}`);
  const namespace = Namespace.open(`links${pod}`);
  const peer = { name: 'eth0', namespaceFd: namespace.fd };
  const { index } = host.addLink(`calil${pod}`, { kind: 'veth', peer });
  host.setLink(index, { up: true });
  const inside = new RtNetlink({ namespace });
  inside.setLink('eth0', { up: true });
  inside.close();
  namespace.close();
  host.addRoute({ dst: `10.9.9.${pod}/32`, hops: [{ oif: index }] });
}

function inPod(pod: number): number | undefined {
  const namespace = Namespace.open(`links${pod}`);
  try {
    return namespace.run(() => interfaceIndex('eth0'));
  } finally {
    namespace.close();
  }
}

test('one by one and together; the others stay', async () => {
  for (const pod of pods) make(pod);
  const gone = async (pod: number) => {
    await removeHostLink(`calil${pod}`);
    expect(interfaceIndex(`calil${pod}`)).toBeUndefined();
    expect(inPod(pod)).toBeUndefined();
    expect(host.routes(4).filter(({ dst }) => dst === `10.9.9.${pod}/32`)).toEqual([]);
  };
  await gone(0);
  await Promise.all([1, 2, 3, 4, 5, 6].map(gone));
  // Some while others are under way, one of them twice, one that was never there.
  const first = gone(7);
  await Promise.resolve();
  await Promise.all([first, gone(8), gone(9), gone(9), removeHostLink('calinone')]);
  expect([10, 11].map((pod) => interfaceIndex(`calil${pod}`) !== undefined)).toEqual([true, true]);
  expect(host.routes(4).filter(({ dst }) => dst.startsWith('10.9.9.')).length).toBe(2);
});
