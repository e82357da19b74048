import { describe, expect, test } from 'bun:test';
import { type ConfigInput, parseConfigFile, resolveConfig, restartReasons } from './resolve-config.ts';

describe('precedence', () => {
  const all: ConfigInput = {
    global: { logPrefix: 'global' },
    selected: { logPrefix: 'selected' },
    node: { logPrefix: 'node' },
    file: { LogPrefix: 'file' },
    environment: { FELIX_LOGPREFIX: 'environment', Felix_ChainInsertMode: 'Append', PATH: '/bin' },
  };
  const order = ['environment', 'file', 'node', 'selected', 'global', 'default'] as const;
  for (const [i, source] of order.entries()) {
    test(`${source} wins over what is below`, () => {
      const input: Record<string, unknown> = { ...all };
      for (const higher of order.slice(0, i)) delete input[higher];
      const resolved = resolveConfig(input as ConfigInput);
      expect(resolved.config.LogPrefix).toBe(source === 'default' ? 'calico-packet' : source);
      expect(resolved.origins.LogPrefix).toBe(source);
    });
  }
  test('environment names are case-insensitive', () => {
    expect(resolveConfig(all).config.ChainInsertMode).toBe('append');
  });
});

describe('texts become values', () => {
  const value = (name: string, text: string) => {
    const resolved = resolveConfig({ environment: { [`FELIX_${name}`]: text } });
    return {
      value: (resolved.config as unknown as Record<string, unknown>)[name],
      warnings: resolved.warnings.length,
      errors: resolved.errors.length,
    };
  };
  const ok = (result: unknown) => ({ value: result, warnings: 0, errors: 0 });
  const rows: readonly [string, string, unknown][] = [
    ['Ipv6Support', 'False', ok(false)],
    ['Ipv6Support', 'y', ok(true)],
    ['Ipv6Support', 'maybe', { value: true, warnings: 1, errors: 0 }],
    ['Ipv6Support', '', ok(true)],
    ['Ipv6Support', 'NONE', ok(false)],
    ['IpInIpEnabled', 'true', ok(true)],
    ['IpInIpMtu', '0x5a0', ok(1440)],
    ['IpInIpMtu', 'big', { value: 0, warnings: 1, errors: 0 }],
    ['HealthPort', '70000', { value: 9099, warnings: 1, errors: 0 }],
    ['DefaultEndpointToHostAction', 'return', ok('RETURN')],
    ['DefaultEndpointToHostAction', 'none', { value: 'DROP', warnings: 0, errors: 1 }],
    ['DefaultEndpointToHostAction', 'REFUSE', { value: 'DROP', warnings: 0, errors: 1 }],
    ['FailsafeInboundHostPorts', 'none', ok([])],
    [
      'FailsafeInboundHostPorts',
      '22, udp:68,tcp:10.0.0.0/8:443,tcp:[fd00::/8]:80',
      ok([
        { protocol: 'tcp', port: 22 },
        { protocol: 'udp', port: 68 },
        { protocol: 'tcp', port: 443, net: '10.0.0.0/8' },
        { protocol: 'tcp', port: 80, net: 'fd00::/8' },
      ]),
    ],
    ['KubeNodePortRanges', '30000:32767', ok([{ first: 30000, last: 32767 }])],
    ['NATPortRange', '32768:65535', ok({ first: 32768, last: 65535 })],
    ['IptablesMarkMask', '0xff000000', ok(0xff000000)],
    ['RouteRefreshInterval', '30s', { value: 90, warnings: 1, errors: 0 }],
    ['RouteRefreshInterval', '1.5', ok(1.5)],
    ['DeviceRouteSourceAddress', '192.0.2.1', ok('192.0.2.1')],
    ['DeviceRouteSourceAddress', 'fd00::1', { value: '', warnings: 1, errors: 0 }],
    ['InterfacePrefix', 'cali,tap', ok(['cali', 'tap'])],
    ['HealthTimeoutOverrides', 'A=90s,B=1m', ok({ A: 90_000, B: 60_000 })],
    ['IgnoreLooseRPF', 'True', ok(true)],
    ['IptablesLockTimeoutSecs', '10', ok(10)],
  ];
  for (const [name, text, expected] of rows) {
    test(`${name}=${text}`, () => expect(value(name, text)).toEqual(expected as ReturnType<typeof value>));
  }
});

describe('resources', () => {
  test('durations lose their unit', () => {
    const resolved = resolveConfig({
      global: { reportingInterval: '0s', routeRefreshInterval: '1m30s', iptablesLockProbeInterval: '50ms' },
    });
    expect(resolved.config.ReportingIntervalSecs).toBe(0);
    expect(resolved.config.RouteRefreshInterval).toBe(90);
  });
  test('an invalid value hides the lower source by the default', () => {
    const resolved = resolveConfig({ global: { vxlanMTU: '1400' }, node: { vxlanMTU: 'x' } });
    expect(resolved.config.VXLANMTU).toBe(0);
    expect(resolved.origins.VXLANMTU).toBe('node');
  });
  test('parameters for environment and file only are refused from the datastore', () => {
    const resolved = resolveConfig({ global: { DatastoreType: 'kubernetes' } });
    expect(resolved.config.DatastoreType).toBe('etcdv3');
    expect(resolved.warnings).toHaveLength(1);
  });
  test('unknown names are kept and harm nothing', () => {
    const resolved = resolveConfig({ global: { someNewField: '1' } });
    expect(resolved.warnings).toEqual([]);
    expect(resolved.texts['someNewField']).toBe('1');
  });
});

test('the file: any section, comments', () => {
  expect(
    parseConfigFile('[global]\nMetadataAddr = None\n# LogFilePath=/x\n[other]\nLogSeveritySys: None\n'),
  ).toEqual({
    MetadataAddr: 'None',
    LogSeveritySys: 'None',
  });
});

test('what changed and needs a restart', () => {
  const before = resolveConfig({ global: { logPrefix: 'a', healthTimeoutOverrides: 'A=1s' } });
  const after = resolveConfig({ global: { logPrefix: 'b', vxlanMTU: '1400' } });
  expect(restartReasons(before, after)).toEqual(['LogPrefix', 'VXLANMTU']);
  expect(restartReasons(after, after)).toEqual([]);
});
