/** BGPFilters mean the same to our evaluator and to BIRD: random filters on the same routes. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BgpCluster,
  BirdSupervisor,
  birdCommand,
  compileBird,
  evaluateFilter,
  PeeringGraph,
  type Route,
  renderBird,
  silentBgpLog,
} from '../../src/bgp/index.ts';
import { put } from '../support/bgp-net.ts';

let seed = 5;
const random = (below: number) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >> 8) % below;
};
const pick = <T>(all: readonly T[]): T => all[random(all.length)]!;
const maybe = <T extends object>(value: T): T | Record<string, never> => (random(3) === 0 ? value : {});

const cidrs = ['10.244.0.0/16', '10.244.1.0/24', '10.244.1.0/26', '10.0.0.0/8', '0.0.0.0/0', '192.0.2.0/24'];
const communities = ['65000:100', '65000:1:2', '65001:7'];

function rule() {
  const accept = random(2) === 0;
  return {
    ...maybe({
      cidr: pick(cidrs),
      matchOperator: pick(['Equal', 'NotEqual', 'In', 'NotIn']),
      ...maybe({ prefixLength: { min: 8 + random(20), max: 24 + random(9) } }),
    }),
    ...maybe({ peerType: pick(['eBGP', 'iBGP']) }),
    ...maybe({ communities: { values: [pick(communities)] } }),
    ...maybe({ asPathPrefix: pick([[65000], [65000, 65001], [65002]]) }),
    ...maybe({ priority: pick([512, 1024]) }),
    action: accept ? 'Accept' : 'Reject',
    ...(accept && {
      operations: [
        ...(random(2) === 0 ? [{ addCommunity: { value: pick(communities) } }] : []),
        ...(random(2) === 0 ? [{ prependASPath: { prefix: [64601, 64602] } }] : []),
        ...(random(2) === 0 ? [{ setPriority: { value: 77 } }] : []),
      ],
    }),
  };
}

const routes: readonly Route[] = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.244.0.0/16',
  '10.244.1.0/24',
  '10.244.1.0/26',
  '10.244.1.64/26',
  '10.244.1.5/32',
  '10.244.2.9/32',
  '10.9.0.0/16',
  '192.0.2.0/24',
  '192.0.2.128/25',
].flatMap((net, index): readonly Route[] => [
  {
    net,
    source: 'static',
    communities: index % 3 === 0 ? ['65000:100'] : index % 3 === 1 ? ['65000:1:2'] : [],
    asPath: index % 4 === 0 ? [65000, 65001, 65009] : index % 4 === 1 ? [65002] : [],
    localPref: index % 2 === 0 ? 2147483647 - 512 : 100,
  },
]);

const folder = mkdtempSync(join(tmpdir(), 'bird-filters-'));
const paths = {
  binary: '/usr/sbin/bird',
  config: join(folder, 'bird.conf'),
  socket: join(folder, 'bird.ctl'),
  pid: join(folder, 'bird.pid'),
  log: join(folder, 'bird.log'),
};

const cluster = new BgpCluster();
cluster.apply(put('Node', 'n1', { bgp: { ipv4Address: '10.0.0.1/24' } }));
cluster.apply(put('IPPool', 'p', { cidr: '10.244.0.0/16' }));
const filterNames = Array.from({ length: 60 }, (_, index) => `f${index}`);
for (const [index, name] of filterNames.entries()) {
  const direction = index % 2 === 0 ? 'exportV4' : 'importV4';
  const rules = Array.from({ length: 1 + random(4) }, rule);
  cluster.apply(put('BGPFilter', name, { [direction]: rules }));
  const asNumber = index % 3 === 0 ? 64512 : 64601;
  cluster.apply(put('BGPPeer', name, { peerIP: `10.0.1.${index + 1}`, asNumber, filters: [name] }));
}
const { config } = compileBird(cluster, new PeeringGraph(cluster).of('n1'), {
  routerId: undefined,
  clusterIPs: undefined,
  nodeRef: undefined,
  workloadInterfaces: ['cali'],
  password: () => undefined,
});

/** The configuration without sessions, with the routes, and the filters of each session under names. */
function text(): string {
  const body = renderBird({ ...config, protocols: [] });
  const statics = routes.map(({ net, communities: all, asPath, localPref }) => {
    const attributes = [
      ...all.map((one) => {
        const parts = one.split(':').join(', ');
        return `${one.split(':').length === 2 ? 'bgp_community' : 'bgp_large_community'}.add((${parts}));`;
      }),
      'bgp_path = +empty+;',
      ...[...asPath].reverse().map((one) => `bgp_path.prepend(${one});`),
      `bgp_local_pref = ${localPref};`,
    ];
    return `  route ${net} blackhole { ${attributes.join(' ')} };`;
  });
  const whole = renderBird(config);
  const filters = config.protocols.flatMap(({ name }) => {
    const protocol = whole.slice(whole.indexOf(`protocol bgp ${name} `));
    return (['import', 'export'] as const).map((direction) => {
      const start = protocol.indexOf(`${direction} filter {`);
      const block = protocol.slice(
        start + `${direction} filter {`.length,
        protocol.indexOf('\n    };', start),
      );
      return `filter ${direction}_${name} {${block}\n}`;
    });
  });
  return [
    body.replace(/protocol (kernel|direct)[\s\S]*?\n\}\n|protocol direct.*\n/g, ''),
    'ipv4 table test;',
    `protocol static test_routes {\n  ipv4 { table test; import all; };\n${statics.join('\n')}\n}`,
    ...filters,
    '',
  ].join('\n');
}

beforeAll(async () => {
  const supervisor = new BirdSupervisor({ paths, log: silentBgpLog });
  await supervisor.apply(text());
  expect(supervisor.faults).toEqual([]);
});
afterAll(async () => {
  await birdCommand('down', { path: paths.socket }).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

/** Routes that BIRD lets through a filter, with what it makes of them. */
async function birdSays(filter: string): Promise<Readonly<Record<string, string>>> {
  const { lines } = await birdCommand(`show route table test filter ${filter} all`, { path: paths.socket });
  const found: Record<string, string> = {};
  let net = '';
  const facts = { communities: [] as string[], path: '', pref: '' };
  const flush = () => {
    if (net !== '') found[net] = [facts.communities.sort().join(' '), facts.path, facts.pref].join(' | ');
    facts.communities = [];
    facts.path = '';
  };
  for (const line of lines) {
    const head = /^(?:1007-|\s)?(\d+\.\d+\.\d+\.\d+\/\d+)\s/.exec(line.replace(/^1007-/, ''));
    if (head) {
      flush();
      net = head[1]!;
    }
    const [, path] = /BGP\.as_path: ?(.*)$/.exec(line) ?? [];
    if (path !== undefined) facts.path = path.trim();
    const [, pref] = /BGP\.local_pref: (\d+)/.exec(line) ?? [];
    if (pref !== undefined) facts.pref = pref;
    const [, list] = /BGP\.(?:large_)?community: (.*)$/.exec(line) ?? [];
    if (list !== undefined)
      facts.communities.push(
        ...[...list.matchAll(/\(([^)]*)\)/g)].map(([, one]) =>
          one!
            .split(',')
            .map((part) => part.trim())
            .join(':'),
        ),
      );
  }
  flush();
  return found;
}

test('BIRD and the evaluator agree on every route of every filter', async () => {
  const functions = new Map(config.functions.map((one) => [one.name, one]));
  let accepted = 0;
  for (const protocol of config.protocols) {
    for (const direction of ['import', 'export'] as const) {
      const ours: Record<string, string> = {};
      for (const route of routes) {
        const verdict = evaluateFilter(protocol[direction], route, functions);
        if (!verdict.accepted) continue;
        accepted++;
        const { communities: all, asPath, localPref } = verdict.route;
        ours[route.net] = [[...all].sort().join(' '), asPath.join(' '), String(localPref)].join(' | ');
      }
      expect({
        filter: protocol.name,
        direction,
        routes: await birdSays(`${direction}_${protocol.name}`),
      }).toEqual({
        filter: protocol.name,
        direction,
        routes: ours,
      });
    }
  }
  expect(accepted).toBeGreaterThan(200);
});
