import { describe, expect, test } from 'bun:test';
import {
  decodeResource,
  type Kind,
  parseStored,
  poolWriteProblems,
  problemsText,
  type Release,
  validate,
  withDefaults,
} from './index.ts';

function refusal(kind: Kind, spec: object, release: Release, metadata: object = {}): string {
  const decoded = decodeResource(kind, { kind, metadata: { name: 'x', ...metadata }, spec }, { release });
  if (!decoded.ok) return `cannot decode: ${decoded.message}`;
  const problems = validate(withDefaults(decoded.resource, { release }), { release });
  return problems.length === 0 ? '' : problemsText(problems);
}

const tag = (field: string, value: string, name: string) =>
  `error with field ${field} = '${value}' (Reason: failed to validate Field: ${field} because of Tag: ${name} )`;

describe('texts of 3.15', () => {
  test.each([
    ['GlobalNetworkPolicy', { selector: 'a == b' }, tag('Selector', 'a == b', 'selector')],
    [
      'GlobalNetworkPolicy',
      { preDNAT: true },
      "error with field PolicySpec.ApplyOnForward = 'false' (ApplyOnForward must be true if either PreDNAT or DoNotTrack is true, for a given PolicySpec)",
    ],
    [
      'NetworkPolicy',
      { ingress: [{ action: 'Allow', protocol: 'TCP', icmp: { type: 8 } }] },
      "error with field ICMP = '&{8 <nil>}' (rules that specify ICMP fields must set protocol to ICMP)",
    ],
    ['Node', { bgp: {} }, "error with field BGP = '&{<nil>    }' (Spec.BGP should not be empty)"],
    ['Node', { bgp: { ipv4Address: 'bad' } }, tag('IPv4Address', 'bad', 'cidrv4')],
    ['BGPPeer', { peerIP: '10.0.0.1:179', asNumber: 1 }, tag('PeerIP', '10.0.0.1:179', 'ip')],
    ['BGPPeer', { asNumber: '1.10', peerIP: '10.0.0.1' }, ''],
    [
      'IPPool',
      { cidr: '10.0.0.0/16', blockSize: '24' },
      "cannot decode: cannot parse string '24' into field IPPoolSpec.blockSize of type int",
    ],
    [
      'IPPool',
      { cidr: '10.0.0.0/16', b: 1, a: 2 },
      'cannot decode: fields in document are not recognized or are in the wrong location: a, b',
    ],
    ['IPPool', { CIDR: '10.0.0.0/16', NatOutgoing: true }, ''],
    ['HostEndpoint', { node: 'n', interfaceName: 'eth0', ports: [{ name: 'p', protocol: 6, port: 80 }] }, ''],
  ] as const)('%s %j', (kind, spec, text) => {
    expect(refusal(kind, spec, 'v3.15')).toBe(text);
  });
});

describe('texts of 3.32', () => {
  test.each([
    [
      'IPPool',
      { cidr: '10.24.0.0/16', ipipMode: 'Bogus' },
      `error with the following fields:\n-  IPIPMode = 'Bogus' (Reason: failed to validate Field: IPIPMode because of Tag: ipIpMode )\n-  spec.ipipMode (supported values: "Never", "Always", "CrossSubnet")\n`,
    ],
    [
      'IPPool',
      { cidr: '10.0.0.0/16', blockSize: '24' },
      'cannot decode: json: cannot unmarshal string into Go struct field IPPoolSpec.spec.blockSize of type int',
    ],
    [
      'GlobalNetworkPolicy',
      { ingress: [{ action: 'Allow', protocol: 'TCP', source: { ports: ['90:80'] } }] },
      'cannot decode: minimum port number (90) is greater than maximum port number (80) in port range',
    ],
    [
      'GlobalNetworkPolicy',
      { ingress: [{ action: 'Allow', protocol: 'TCP', source: { ports: [70000] } }] },
      'cannot decode: json: cannot unmarshal number 70000 into Go struct field EntityRule.spec.ingress.source.ports of type uint16',
    ],
    [
      'FelixConfiguration',
      { iptablesRefreshInterval: '-5s' },
      "error with field spec.iptablesRefreshInterval (spec.iptablesRefreshInterval in body should match '^([0-9]+(\\\\.[0-9]+)?(ms|s|m|h))*$')",
    ],
    [
      'Tier',
      { defaultAction: 'Bogus' },
      'error with the following fields:\n-  DefaultAction = \'Bogus\' (Reason: failed to validate Field: DefaultAction because of Tag: oneof )\n-  spec.defaultAction (supported values: "Allow", "Deny", "Log", "Pass")\n-  spec.defaultAction (supported values: "Pass", "Deny")\n-  Tier ("spec.defaultAction" must validate all the schemas (allOf). None validated)\n',
    ],
  ] as const)('%s %j', (kind, spec, text) => {
    expect(refusal(kind, spec, 'v3.32')).toBe(text);
  });
});

test.each([
  ['UP', "lower case alphanumeric characters, '-' or '.'"],
  ['x'.repeat(254), 'name is too long by 1 bytes'],
] as const)('name %s', (name, text) => {
  expect(refusal('IPPool', { cidr: '10.0.0.0/16' }, 'v3.15', { name })).toContain(text);
});

test('labels and annotations follow the rules of Kubernetes', () => {
  const metadata = { labels: { 'a/b/c': 'v', ok: 'b@d' }, annotations: { '': 'v' } };
  const text = refusal('NetworkSet', {}, 'v3.32', metadata);
  for (const part of ["(label) = 'a/b/c'", "(value) = 'b@d'", "Annotations (key) = ''"]) {
    expect(text).toContain(part);
  }
});

test('types of a policy follow its rules', () => {
  const rule = [{ action: 'Allow' }];
  const types = (spec: object) => {
    const policy = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'NetworkPolicy',
      metadata: { name: 'x' },
      spec: { ...spec },
    };
    return withDefaults(policy, { release: 'v3.15' }).spec;
  };
  expect(types({})).toEqual({ types: ['Ingress'] });
  expect(types({ egress: rule })).toMatchObject({ types: ['Egress'] });
  expect(types({ egress: rule, ingress: rule })).toMatchObject({ types: ['Ingress', 'Egress'] });
  expect(types({ egress: rule, types: ['Ingress'] })).toMatchObject({ types: ['Ingress'] });
});

describe('writing a pool', () => {
  const other = { name: 'old', spec: { cidr: '10.0.0.0/16', blockSize: 26 } };
  test.each([
    [{ cidr: '' }, 'error with field IPPool.Spec.CIDR (IPPool CIDR must be specified)'],
    [{ cidr: '10.1.0.1/24', blockSize: 26 }, "= '10.1.0.0/24' (IPPool CIDR is not strictly masked)"],
    [{ cidr: '10.0.1.0/24', blockSize: 26 }, 'IPPool(new) CIDR overlaps with IPPool(old) CIDR 10.0.0.0/16'],
    [{ cidr: '10.1.0.0/27', blockSize: 26 }, 'IP pool size is too small'],
    [{ cidr: '169.254.1.0/24', blockSize: 26 }, 'IPv4 Link Local range 169.254.0.0/16'],
    [{ cidr: 'fd00::/64', blockSize: 26 }, 'IPv6 block size must be between 116 and 128'],
  ])('%j is refused', (spec, text) => {
    expect(problemsText(poolWriteProblems('new', spec, { others: [other] }))).toContain(text);
  });

  test('CIDR and block size stay', () => {
    const problems = poolWriteProblems(
      'old',
      { cidr: '10.2.0.0/16', blockSize: 28 },
      { old: other, others: [] },
    );
    expect(problems.map(({ reason }) => reason)).toEqual([
      'IPPool CIDR cannot be modified',
      'IPPool BlockSize cannot be modified',
    ]);
  });
});

describe('stored values', () => {
  const stored = (spec: object) => ({
    kind: 'BGPPeer',
    apiVersion: 'x',
    metadata: { name: 'p' },
    spec,
    future: 1,
  });

  test('unknown fields are kept, numbers in text are read', () => {
    const peer = parseStored(stored({ peerIP: '10.0.0.1', asNumber: '65000', later: { a: 1 } }));
    expect(peer.spec).toEqual({ peerIP: '10.0.0.1', asNumber: 65000, later: { a: 1 } });
    expect(peer['future']).toBe(1);
  });

  test('a wrong type is refused', () => {
    expect(() => parseStored(stored({ asNumber: {} }))).toThrow('cannot unmarshal object');
    expect(() => parseStored({ kind: 'Nothing' })).toThrow('unknown kind');
    expect(() => parseStored([])).toThrow('not an object');
  });
});
