/** Behaviours of upstream's own functional tests that no recording has, with real packets on both dataplanes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Resource } from '../../src/resources/resource.ts';
import { KernelReplay } from '../golden/verdicts/kernel-replay.ts';
import { type RecordedPacket, storedResources, type Verdict } from '../golden/verdicts/recording.ts';
import { resource } from '../support/program.ts';

setDefaultTimeout(60_000);

/** `w1>w5 tcp 8055` or `w1>host1 icmp`, with `v6` and `spoof ADDRESS` behind it. */
function packet(text: string): RecordedPacket {
  const [ends = '', proto = '', ...rest] = text.split(' ');
  const [from = '', to = ''] = ends.split('>');
  const spoof = rest.indexOf('spoof');
  return {
    from,
    to,
    v: rest.includes('v6') ? 6 : 4,
    proto,
    ...(proto === 'icmp' ? { type: 8, code: 0 } : { dport: Number(rest[0]) }),
    ...(spoof < 0 ? {} : { spoof: rest[spoof + 1]! }),
    conn: 'new',
    result: {},
  };
}

const allow = [{ action: 'Allow' }];
const deny = [{ action: 'Deny' }];
const policy = (name: string, spec: object) => resource('GlobalNetworkPolicy', name, spec);
const hep = (node: string, interfaceName: string, spec: object = {}) =>
  resource('HostEndpoint', `${node}-hep`, { node, interfaceName, ...spec }, { labels: { host: node } });
const slice = (service: string, address: string, protocol: string, port: number): Resource => ({
  ...resource(
    'EndpointSlice',
    `${service}-1`,
    {},
    {
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': service },
    },
  ),
  spec: { endpoints: [{ addresses: [address] }], ports: [{ protocol, port }] },
});

describe.each(['nft', 'iptables'] as const)('checklist with packets: %s', (dataplane) => {
  let replay: KernelReplay;
  beforeAll(() => {
    replay = new KernelReplay(dataplane);
  });
  afterAll(() => replay.close());

  async function verdicts(
    resources: readonly Resource[],
    expected: Readonly<Record<string, Verdict>>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await replay.program(storedResources(resources), environment);
    await seen(expected);
  }

  async function seen(expected: Readonly<Record<string, Verdict>>): Promise<void> {
    const observed = await replay.send(Object.keys(expected).map(packet));
    const names = Object.keys(expected);
    expect(Object.fromEntries(observed.map(({ verdict }, i) => [names[i], verdict]))).toEqual(expected);
  }

  test('policies in a shared group and alone give the same verdicts', async () => {
    const shared = [1, 2, 3].map((n) =>
      policy(`p${n}`, {
        selector: "app == 'web'",
        order: n,
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [8050 + n] } }],
      }),
    );
    // Between the others, on one endpoint alone: what was one group there becomes two.
    const apart = policy('own', {
      selector: "app == 'web' && env == 'dev'",
      order: 2.5,
      types: ['Ingress'],
      ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [9999] } }],
    });
    const expected = {
      'w2>w1 tcp 8051': 'allow',
      'w2>w3 tcp 8053': 'allow',
      'w2>w3 tcp 8054': 'drop',
    } as const;
    await verdicts(shared, expected);
    await verdicts([...shared, apart], expected);
  });

  test('overlapping members of a network set come and go, zero CIDR included', async () => {
    const set = (...nets: string[]) => resource('GlobalNetworkSet', 's', { nets }, { labels: { zone: 'x' } });
    const rule = policy('p', {
      selector: "app == 'db'",
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "zone == 'x'" } }],
    });
    const steps: readonly [readonly string[], Verdict, Verdict][] = [
      [['10.233.64.1/32', '10.233.64.0/30'], 'allow', 'drop'],
      [['10.233.64.1/32'], 'allow', 'drop'],
      [['10.233.64.1/32', '10.233.0.0/16', '10.233.64.0/24'], 'allow', 'allow'],
      [['10.233.64.0/24'], 'allow', 'drop'],
      [['0.0.0.0/0', '10.233.64.0/24', '10.233.65.4/32'], 'allow', 'allow'],
      [['10.233.65.4/32'], 'drop', 'allow'],
      [[], 'drop', 'drop'],
    ];
    for (const [nets, near, far] of steps) {
      await verdicts([set(...nets), rule], { 'w1>w2 tcp 8056': near, 'w4>w2 tcp 8056': far });
    }
  });

  test('thousands of members flap, an edit of somebody else is repaired by the resync', async () => {
    const set = (from: number) =>
      resource(
        'GlobalNetworkSet',
        's',
        {
          nets: [
            '10.233.64.1/32',
            ...Array.from(
              { length: 1200 },
              (_, i) => `172.${16 + ((from + i) >> 8)}.${(from + i) & 255}.0/28`,
            ),
          ],
        },
        { labels: { zone: 'x' } },
      );
    const rule = policy('p', {
      selector: "app == 'db'",
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "zone == 'x'" } }],
    });
    for (const from of [0, 500, 0]) {
      await replay.program(storedResources([set(from), rule]));
    }
    await seen({ 'w1>w2 tcp 8056': 'allow', 'w3>w2 tcp 8056': 'drop' });
    const edit =
      dataplane === 'nft'
        ? "for s in $(nft list sets table ip calico | awk '/cali40s/{print $2}'); do nft flush set ip calico $s; done"
        : 'for s in $(ipset list -n | grep cali40s); do ipset flush $s; done';
    replay.run([['host1', edit]]);
    await seen({ 'w1>w2 tcp 8056': 'drop' });
    const { host1 } = await replay.resync();
    expect(host1.different.length).toBe(1);
    await seen({ 'w1>w2 tcp 8056': 'allow', 'w3>w2 tcp 8056': 'drop' });
  });

  test('a policy for a service: egress to it and ingress from it, in a tier of its own', async () => {
    const tier = resource('Tier', 'svc', { order: 5, defaultAction: 'Deny' });
    const services = { services: { name: 'web', namespace: 'default' } };
    const base = [tier, slice('web', '10.233.64.65', 'TCP', 8055)];
    await verdicts(
      [
        ...base,
        policy('svc.to', {
          tier: 'svc',
          selector: "app == 'db'",
          types: ['Egress'],
          egress: [{ action: 'Allow', destination: services }],
        }),
      ],
      { 'w2>w5 tcp 8055': 'allow', 'w2>w5 tcp 8056': 'drop', 'w2>w1 tcp 8055': 'drop' },
    );
    await verdicts(
      [
        ...base,
        policy('svc.from', {
          tier: 'svc',
          selector: "app == 'db'",
          types: ['Ingress'],
          ingress: [{ action: 'Allow', source: services }],
        }),
      ],
      { 'w5>w2 tcp 8056': 'allow', 'w1>w2 tcp 8056': 'drop' },
    );
  });

  test('apply-on-forward: pod to pod is held up by the * host endpoint of either host', async () => {
    const heps = [hep('host1', '*'), hep('host2', '*')];
    const block = (host: string) =>
      policy('aof', {
        selector: `host == '${host}'`,
        applyOnForward: true,
        types: ['Ingress', 'Egress'],
        ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [8055] } }, ...allow],
        egress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [8055] } }, ...allow],
      });
    const through = { 'w1>w5 tcp 8055': 'drop', 'w1>w5 tcp 8056': 'allow' } as const;
    await verdicts([...heps, block('host1')], through);
    await verdicts([...heps, block('host2')], through);
    // Without applyOnForward nothing of it concerns what passes through.
    const local = block('host1');
    await verdicts([...heps, { ...local, spec: { ...local.spec, applyOnForward: false } }], {
      'w1>w5 tcp 8055': 'allow',
    });
  });

  test('host FORWARD policy DROP: allowed traffic of pods passes', async () => {
    replay.run([['host1', 'iptables-legacy -P FORWARD DROP']]);
    try {
      // nftables cannot end the chain of another hook function: what passes ours is asked there as well.
      await verdicts([], { 'w1>w2 tcp 8055': dataplane === 'iptables' ? 'allow' : 'drop' });
    } finally {
      replay.run([['host1', 'iptables-legacy -P FORWARD ACCEPT']]);
    }
  });

  test('a pod and the host-networked service on its own host, with each endpoint-to-host action', async () => {
    const service = 'w1>host1 tcp 8055';
    const egressOpen = policy('open', { selector: "app == 'web'", types: ['Egress'], egress: allow });
    const egressShut = policy('shut', { selector: "app == 'web'", types: ['Egress'], egress: deny });
    const input = ['host1', 'iptables-legacy -A INPUT -p tcp --dport 8055 -j DROP'] as const;
    const undo = ['host1', 'iptables-legacy -D INPUT -p tcp --dport 8055 -j DROP'] as const;
    const rows: readonly [string, Verdict, Verdict, Verdict][] = [
      // The host's own rule has its say with RETURN; an accept of ours comes before it in iptables alone.
      ['DROP', 'drop', 'drop', 'drop'],
      ['RETURN', 'allow', 'drop', 'drop'],
      ['ACCEPT', 'allow', dataplane === 'iptables' ? 'allow' : 'drop', 'drop'],
    ];
    for (const [action, plain, withHostRule, withDeny] of rows) {
      const environment = { FELIX_DEFAULTENDPOINTTOHOSTACTION: action };
      await verdicts([egressOpen], { [service]: plain }, environment);
      replay.run([input]);
      try {
        await seen({ [service]: withHostRule });
      } finally {
        replay.run([undo]);
      }
      await verdicts([egressShut], { [service]: withDeny }, environment);
    }
  });

  test('a host service behind the endpoint-to-host action and a preDNAT policy', async () => {
    const wall = policy('wall', {
      selector: "host == 'host1'",
      preDNAT: true,
      applyOnForward: true,
      types: ['Ingress'],
      ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [8055] } }],
    });
    const environment = { FELIX_DEFAULTENDPOINTTOHOSTACTION: 'ACCEPT' };
    const endpoint = hep('host1', 'eth0', { profiles: ['kns.default'] });
    await verdicts(
      [endpoint, wall],
      { 'ext>host1 tcp 8055': 'drop', 'ext>host1 tcp 8056': 'allow', 'w1>host1 tcp 8055': 'allow' },
      environment,
    );
  });

  test('doNotTrack needs both directions; failsafe ports survive', async () => {
    const both = (types: readonly string[]) =>
      policy('u', {
        selector: "host == 'host1'",
        doNotTrack: true,
        applyOnForward: true,
        types,
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [8055] } }],
        ...(types.includes('Egress')
          ? { egress: [{ action: 'Allow', protocol: 'TCP', source: { ports: [8055] } }] }
          : {}),
      });
    const endpoint = hep('host1', 'eth0');
    await verdicts([endpoint, both(['Ingress'])], {
      'ext>host1 tcp 8055': 'drop',
      'ext>host1 tcp 22': 'allow',
    });
    await verdicts([endpoint, both(['Ingress', 'Egress'])], {
      'ext>host1 tcp 8055': 'allow',
      'ext>host1 tcp 8056': 'drop',
      'ext>host1 tcp 22': 'allow',
    });
  });

  test('a source address that is not the pod’s is dropped, IPv4 and IPv6', async () => {
    await verdicts([], {
      'w1>w2 udp 8056 spoof 10.233.64.3': 'drop',
      'w1>w5 udp 8056 spoof 192.0.2.1': 'drop',
      'w1>w2 udp 8056 v6 spoof fd10:233:64::103': 'drop',
      'w1>w2 udp 8056 spoof 10.233.64.1': 'allow',
    });
  });

  test('service loops: dropped, rejected, left alone; the ranges follow BGPConfiguration', async () => {
    const ranges = (cidr: string) =>
      resource('BGPConfiguration', 'default', { serviceClusterIPs: [{ cidr }] });
    const loop = 'ext>host1 tcp 8055';
    const rulesOf = () => {
      const listing =
        dataplane === 'nft'
          ? 'nft list chain ip calico filter-cali-cidr-block'
          : 'iptables-legacy -S cali-cidr-block';
      return replay.output('host1', listing);
    };
    await verdicts([ranges('10.96.0.0/16')], { [loop]: 'allow' });
    expect(rulesOf()).toMatch(/10\.96\.0\.0\/16.*(drop|DROP)/);
    await verdicts([ranges('10.97.0.0/16')], { [loop]: 'allow' });
    expect(rulesOf()).toMatch(/10\.97\.0\.0\/16/);
    expect(rulesOf()).not.toContain('10.96.');
    await verdicts([ranges('10.97.0.0/16')], {}, { FELIX_SERVICELOOPPREVENTION: 'Reject' });
    expect(rulesOf()).toMatch(/10\.97\.0\.0\/16.*(reject|REJECT)/);
    await verdicts([ranges('10.97.0.0/16')], {}, { FELIX_SERVICELOOPPREVENTION: 'Disabled' });
    expect(rulesOf()).not.toContain('10.97.');
  });

  test('an agent that starts again: an open TCP connection lives, no packet is lost', async () => {
    const rules = [
      policy('p', {
        selector: "app == 'web'",
        types: ['Ingress', 'Egress'],
        ingress: [
          { action: 'Allow', protocol: 'TCP' },
          { action: 'Allow', protocol: 'ICMP' },
        ],
        egress: allow,
      }),
    ];
    await replay.program(storedResources(rules));
    const inside = (pod: string, ...command: readonly string[]) =>
      spawn('ip', ['netns', 'exec', replay.topology.namespaceName(pod), ...command], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    const server = inside('w5', 'nc', '-l', '-p', '7777');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const client = inside('w1', 'nc', '10.233.64.65', '7777');
    const ping = inside('w1', 'ping', '-i', '0.005', '-c', '300', '-q', '10.233.64.65');
    const pinged = once(ping, 'exit');
    let heard = '';
    let report = '';
    server.stdout.on('data', (chunk) => {
      heard += String(chunk);
    });
    ping.stdout.on('data', (chunk) => {
      report += String(chunk);
    });
    const sent: string[] = [];
    for (let i = 0; i < 5; i++) {
      client.stdin.write(`line ${i}\n`);
      sent.push(`line ${i}\n`);
      await replay.restart();
    }
    await pinged;
    expect(report).toContain('300 received, 0% packet loss');
    client.stdin.write('last\n');
    for (let i = 0; i < 100 && !heard.endsWith('last\n'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(heard).toBe(`${sent.join('')}last\n`);
    for (const child of [client, server]) child.kill();
  });

  test('a connection of before goes on under a policy that would deny it, a new one does not', async () => {
    const flow = { v: 4, proto: 'udp', conn: 'new', result: {} } as const;
    const there = { ...flow, from: 'w1', to: 'w5', sport: 31_000, dport: 31_001 };
    const back = { ...flow, from: 'w5', to: 'w1', sport: 31_001, dport: 31_000 };
    await replay.program(storedResources([]));
    await replay.send([there]);
    await replay.send([back], 'keep');
    const wall = policy('wall', { selector: "app == 'web'", types: ['Ingress'], ingress: deny });
    await replay.program(storedResources([wall]));
    const [old, fresh] = await replay.send([there, { ...there, sport: 31_002 }], 'keep');
    expect([old!.verdict, fresh!.verdict]).toEqual(['allow', 'drop']);
  });
});
