import { describe, expect, test } from 'bun:test';
import { readArgs } from './args.ts';
import { readCall } from './call.ts';
import { type CniError, cniErrorJson } from './cni-error.ts';
import { goJsonProblem } from './go-json.ts';
import { type CniResult, formatResult, readResult } from './result.ts';

const env = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'abc',
  CNI_NETNS: '/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};
const config = '{"cniVersion":"0.3.1","name":"net","type":"calico"}';

function refusal(change: Record<string, string | undefined>, stdin = config): string {
  try {
    readCall({ ...env, ...change }, stdin);
    return '';
  } catch (thrown) {
    return cniErrorJson(thrown as CniError).replace(/\s+/g, ' ');
  }
}

describe('a call', () => {
  test.each([
    [
      {},
      '{not json',
      '"code": 6, "msg": "error unmarshall network config: invalid character \'n\' looking for beginning of object key string"',
    ],
    [{}, '', '"code": 6, "msg": "error unmarshall network config: unexpected end of JSON input"'],
    [{}, '{"cniVersion":"0.3.1"}', '"code": 7, "msg": "missing network name"'],
    [{}, '{"name":"a/b"}', '"code": 7, "msg": "invalid characters found in network name", "details": "a/b"'],
    [{}, '{"name":"n","cniVersion":"9.9.9"}', '"code": 1, "msg": "incompatible CNI versions"'],
    [
      { CNI_CONTAINERID: '-abc' },
      config,
      '"code": 4, "msg": "invalid characters in containerID", "details": "-abc"',
    ],
    [{ CNI_IFNAME: 'a'.repeat(16) }, config, '"msg": "interface name is too long"'],
    [{ CNI_IFNAME: 'a:b' }, config, '"msg": "interface name contains / or : or whitespace characters"'],
    [{ CNI_NETNS: undefined }, config, '"msg": "required env variables [CNI_NETNS] missing"'],
    [{ CNI_COMMAND: 'add' }, config, '"msg": "unknown CNI_COMMAND: add"'],
    [{ CNI_COMMAND: 'CHECK' }, config, '"code": 1, "msg": "config version does not allow CHECK"'],
    [{ CNI_COMMAND: 'GC' }, '{"name":"n","cniVersion":"1.0.0"}', '"msg": "config version does not allow GC"'],
  ] as const)('%j with %s is refused', (change, stdin, text) => {
    expect(refusal(change, stdin)).toContain(text);
  });

  test('DEL needs no namespace, and no version means 0.2.0', () => {
    const call = readCall({ ...env, CNI_COMMAND: 'DEL', CNI_NETNS: undefined }, '{"name":"n"}');
    expect([call.netns, call.version]).toEqual(['', '0.2.0']);
  });
});

test.each([
  ['', {}],
  ['IgnoreUnknown=1;K8S_POD_NAME=p;K8S_POD_NAMESPACE=n', { podName: 'p', podNamespace: 'n' }],
  ['IP=10.0.0.1', { ip: '10.0.0.1' }],
])('arguments %s', (text, expected) => {
  expect(readArgs(text, { strict: true })).toMatchObject(expected);
});

test.each([
  ['K8S', 'ARGS: invalid pair "K8S"'],
  ['FOO=bar', 'ARGS: unknown args ["FOO=bar"]'],
  ['IP=x', 'ARGS: error parsing value of pair "IP=x": invalid IP address: x'],
])('arguments %s are refused', (text, message) => {
  expect(() => readArgs(text, { strict: true })).toThrow(message);
});

test.each([
  ['{"a":[1,-2.5e3,"x\\n",true,null]}', undefined],
  ['junk', "invalid character 'j' looking for beginning of value"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['[1 2]', "invalid character '2' after array element"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['trux', "invalid character 'x' in literal true (expecting 'e')"],
  ['{} x', "invalid character 'x' after top-level value"],
])('Go says of %s: %s', (text, problem) => {
  expect(goJsonProblem(text)).toBe(problem!);
});

describe('results', () => {
  const result: CniResult = {
    interfaces: [{ name: 'cali1' }, { name: 'eth0', mac: 'aa:aa:aa:aa:aa:aa', sandbox: '/ns', mtu: 1400 }],
    ips: [
      { address: '10.0.0.1/32', interface: 1 },
      { address: 'fd00::1/128', interface: 1 },
    ],
    routes: [{ dst: '10.0.0.0/26' }, { dst: 'fd00::/122' }],
    dns: {},
  };

  test.each([
    ['0.2.0', { ip4: { ip: '10.0.0.1/32', routes: [{ dst: '10.0.0.0/26' }] }, dns: {} }],
    ['0.3.1', { ips: [{ version: '4' }, { version: '6' }], dns: {} }],
    ['1.0.0', { ips: [{ address: '10.0.0.1/32', interface: 1 }, {}] }],
    ['1.1.0', { interfaces: [{}, { mtu: 1400 }] }],
  ] as const)('in version %s', (version, part) => {
    const document = JSON.parse(formatResult(result, version)) as Record<string, unknown>;
    expect(document).toMatchObject({ cniVersion: version, ...part } as object);
    expect('dns' in document).toBe(version.startsWith('0.'));
  });

  test('what was printed is read back', () => {
    for (const version of ['0.3.1', '0.4.0', '1.0.0'] as const) {
      const back = readResult(JSON.parse(formatResult(result, version)));
      expect(back.ips).toEqual(result.ips);
      expect(back.routes).toEqual(result.routes);
    }
    expect(readResult(JSON.parse(formatResult(result, '0.2.0'))).ips.map(({ address }) => address)).toEqual([
      '10.0.0.1/32',
      'fd00::1/128',
    ]);
  });
});
