/**
 * Routes: programming, resync without a difference, and repair of a whole table.
 *   node scripts/isolated.mjs bun bench/routes.ts [COUNT]
 */
import { Reconciler } from '../src/felix/reconcile/index.ts';
import { RouteTable, routeDriver, routeKey } from '../src/felix/routes/index.ts';
import { Namespace, protocol, type Route, RtNetlink } from '../src/linux/index.ts';

const count = Number(process.argv[2] ?? 65_536);
const namespace = Namespace.unnamed();
const netlink = new RtNetlink({ namespace });
netlink.addLink('eth0', { kind: 'veth', peer: { name: 'peer0' } }, { up: true });
netlink.setLink('peer0', { up: true });
netlink.addAddress('eth0', '192.0.2.1/24');
const index = netlink.requireLink('eth0').index;

const reconciler = new Reconciler<Route>(
  routeDriver(
    netlink,
    4,
    (route) => route.protocol === protocol.calico,
    () => 'eth0',
    { isLeaving: () => false, leave() {}, move() {} },
  ),
);
const table = new RouteTable(
  () => ({ index, up: true }),
  (dst, route) => reconciler.want(routeKey({ dst, priority: 0 }), route),
);

function dstOf(i: number): string {
  return `10.${(i >> 10) & 255}.${(i >> 2) & 255}.${(i & 3) * 64}/26`;
}

function want(i: number, gateway: string): void {
  table.want(`route ${i}`, [
    {
      dst: dstOf(i),
      class: 7,
      protocol: protocol.calico,
      priority: 0,
      device: 'eth0',
      gateway,
      onlink: true,
    },
  ]);
}

async function timed(what: string, act: () => unknown): Promise<void> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await act();
  const wall = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${what.padEnd(44)} ${wall.toFixed(1).padStart(9)} ms  ${((user + system) / 1000).toFixed(1).padStart(9)} ms cpu`,
  );
}

console.log(`routes: ${count}`);
await timed('desired state from the program', () => {
  for (let i = 0; i < count; i++) want(i, '192.0.2.2');
});
await timed('first program (felix_route_table_resync)', () => reconciler.apply(0));
await timed('resync, nothing differs', () => reconciler.resync(0));
await timed('one route changes', async () => {
  want(7, '192.0.2.3');
  await reconciler.apply(0);
});
await timed('flush by another program', () => {
  netlink.applyRoutes(
    netlink.routes(4, { protocol: protocol.calico }).map((route) => ({ op: 'delete', route })),
  );
});
await timed('resync, everything missing', async () => {
  const drift = await reconciler.resync(0);
  if (drift.missing.length !== count) throw new Error(`${drift.missing.length} missing`);
});
if (netlink.routes(4, { protocol: protocol.calico }).length !== count) throw new Error('routes are missing');
console.log(
  `heap ${(process.memoryUsage().heapUsed / 1e6).toFixed(0)} MB, resident ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
);
netlink.close();
namespace.close();
