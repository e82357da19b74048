/**
 * Felix's settings of the v1 data model, one key each, to FelixConfiguration. Pure.
 * Upstream: lib/upgrade/migrator/felixconfig.go.
 */
import { defined } from './convert-rules.ts';

/** A setting that cannot be converted. */
export interface SettingError {
  readonly name: string;
  readonly cause: string;
}

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly causes: readonly string[] };
type Parser = (source: string) => Parsed;

const good = (value: unknown): Parsed => ({ ok: true, value });
const bad = (...causes: string[]): Parsed => ({ ok: false, causes });

const unhandled =
  'unhandled field type, please raise an issue on GitHub (https://github.com/projectcalico/calico) that includes this error message';

const asText: Parser = (source) => good(source);

const asFlag: Parser = (source) => {
  if (/^(1|t|T|TRUE|true|True)$/.test(source)) return good(true);
  if (/^(0|f|F|FALSE|false|False)$/.test(source)) return good(false);
  return bad(
    `failed to parse bool field: strconv.ParseBool: parsing ${JSON.stringify(source)}: invalid syntax`,
  );
};

const asInteger: Parser = (source) =>
  /^[+-]?\d+$/.test(source)
    ? good(Number(source))
    : bad(`failed to parse int field: strconv.ParseInt: parsing ${JSON.stringify(source)}: invalid syntax`);

/** Upstream reads decimal only, which blocks every cluster with Felix's usual `0xff000000`. */
const asMask: Parser = (source) => {
  if (/^0[xX][0-9a-fA-F]{1,8}$/.test(source) || (/^\d+$/.test(source) && Number(source) <= 0xffffffff))
    return good(Number(source));
  const why = /^\d+$/.test(source) ? 'value out of range' : 'invalid syntax';
  return bad(`failed to parse uint32 field: strconv.ParseUint: parsing ${JSON.stringify(source)}: ${why}`);
};

const asDuration =
  (unitNanoseconds: number): Parser =>
  (source) => {
    // Go takes underscores between digits.
    const plain = source.replace(/(?<=\d)_(?=\d)/g, '');
    if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(plain)) {
      return bad(
        `failed to parse float for Duration field: strconv.ParseFloat: parsing ${JSON.stringify(source)}: invalid syntax`,
        unhandled,
      );
    }
    return good(goDuration(Math.trunc(Number(plain) * unitNanoseconds)));
  };

const levels: Readonly<Record<string, string>> = {
  debug: 'Debug',
  info: 'Info',
  warning: 'Warning',
  error: 'Error',
  fatal: 'Fatal',
  panic: 'Fatal',
  '': '',
};

/** A log level; what v3 does not know becomes Info, as upstream has it. */
export function convertLogLevel(source: string): string {
  return levels[source.toLowerCase()] ?? 'Info';
}

const asPorts: Parser = (source) => {
  const ports: { readonly protocol: string; readonly port: number }[] = [];
  if (source === 'none') return good(ports);
  for (const part of source
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')) {
    const pieces = part.split(':');
    if (pieces.length > 2)
      return bad('failed to parse ProtoPort-ports should be <protocol>:<number> or <number>');
    const protocol = pieces.length === 2 ? pieces[0]!.toLowerCase() : 'tcp';
    const number = pieces.at(-1)!;
    if (protocol !== 'tcp' && protocol !== 'udp')
      return bad(`failed to parse ProtoPort-unknown protocol: ${pieces[0]!.toUpperCase()}`);
    if (!/^[+-]?\d+$/.test(number)) return bad('failed to parse ProtoPort-ports should be integers');
    if (Number(number) < 0 || Number(number) > 65535)
      return bad('failed to parse ProtoPort-ports must be in range 0-65535');
    ports.push({ protocol: protocol.toUpperCase(), port: Number(number) });
  }
  return good(ports);
};

/** v3 accepts only this spelling; the agent takes any, so nothing changes but that the object can be edited again. */
const asHostAction: Parser = (source) => {
  const known = { drop: 'Drop', accept: 'Accept', return: 'Return' } as const;
  return good(known[source.toLowerCase() as keyof typeof known] ?? source);
};

const portRanges: Parser = (source) => {
  const ranges = source
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (ranges.some((one) => !/^\d+(:\d+)?$/.test(one)))
    return bad(`${JSON.stringify(source)} is not a list of port ranges`);
  return good(ranges.map((one) => (one.includes(':') ? one : Number(one))));
};

const singleRange: Parser = (source) =>
  /^\d+(:\d+)?$/.test(source)
    ? good(source.includes(':') ? source : Number(source))
    : bad(`${JSON.stringify(source)} is not a port range`);

const cidrList: Parser = (source) =>
  good(
    source
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
  );

const seconds = asDuration(1e9);

/** v1 key → v3 field and how its text is read. Keys must match in every letter, as upstream. */
const settings: Readonly<Record<string, readonly [field: string, parser: Parser]>> = {
  IpInIpEnabled: ['ipipEnabled', asFlag],
  IpInIpMtu: ['ipipMTU', asInteger],
  Ipv6Support: ['ipv6Support', asFlag],
  NetlinkTimeoutSecs: ['netlinkTimeout', seconds],
  IptablesPostWriteCheckIntervalSecs: ['iptablesPostWriteCheckInterval', seconds],
  IptablesLockTimeoutSecs: ['iptablesLockTimeout', seconds],
  IptablesLockProbeIntervalMillis: ['iptablesLockProbeInterval', asDuration(1e6)],
  EndpointReportingDelaySecs: ['endpointReportingDelay', seconds],
  ReportingIntervalSecs: ['reportingInterval', seconds],
  ReportingTTLSecs: ['reportingTTL', seconds],
  UsageReportingInitialDelaySecs: ['usageReportingInitialDelay', seconds],
  UsageReportingIntervalSecs: ['usageReportingInterval', seconds],
  DefaultEndpointToHostAction: ['defaultEndpointToHostAction', asHostAction],
  FailsafeInboundHostPorts: ['failsafeInboundHostPorts', asPorts],
  FailsafeOutboundHostPorts: ['failsafeOutboundHostPorts', asPorts],
  IptablesMarkMask: ['iptablesMarkMask', asMask],
  KubeNodePortRanges: ['kubeNodePortRanges', portRanges],
  NATPortRange: ['natPortRange', singleRange],
  ExternalNodesCIDRList: ['externalNodesList', cidrList],
  XDPEnabled: ['xdpEnabled', asFlag],
  GenericXDPEnabled: ['genericXDPEnabled', asFlag],
  XDPRefreshInterval: ['xdpRefreshInterval', seconds],
  VXLANEnabled: ['vxlanEnabled', asFlag],
  VXLANMTU: ['vxlanMTU', asInteger],
  VXLANPort: ['vxlanPort', asInteger],
  VXLANVNI: ['vxlanVNI', asInteger],
  ...sameName(
    seconds,
    'RouteRefreshInterval',
    'IptablesRefreshInterval',
    'IpsetsRefreshInterval',
    'DebugSimulateCalcGraphHangAfter',
    'DebugSimulateDataplaneHangAfter',
  ),
  ...sameName(
    asFlag,
    'UseInternalDataplaneDriver',
    'IgnoreLooseRPF',
    'EndpointReportingEnabled',
    'DisableConntrackInvalidCheck',
    'HealthEnabled',
    'PrometheusMetricsEnabled',
    'PrometheusGoMetricsEnabled',
    'PrometheusProcessMetricsEnabled',
    'UsageReportingEnabled',
    'DebugDisableLogDropping',
  ),
  ...sameName(asInteger, 'MaxIpsetSize', 'MetadataPort', 'HealthPort', 'PrometheusMetricsPort'),
  ...sameName(
    (source) => good(convertLogLevel(source)),
    'LogSeverityFile',
    'LogSeverityScreen',
    'LogSeveritySys',
  ),
  ...sameName(
    asText,
    'DataplaneDriver',
    'IptablesLockFilePath',
    'MetadataAddr',
    'InterfacePrefix',
    'InterfaceExclude',
    'ChainInsertMode',
    'IptablesFilterAllowAction',
    'IptablesMangleAllowAction',
    'LogPrefix',
    'LogFilePath',
    'HealthHost',
    'PolicySyncPathPrefix',
    'DebugMemoryProfilePath',
    'OpenstackRegion',
    'IptablesNATOutgoingInterfaceFilter',
  ),
};

/** The spec of a FelixConfiguration, `undefined` when no known setting is there, and what cannot be converted. */
export function convertFelixSettings(values: ReadonlyMap<string, string>): {
  readonly spec: Readonly<Record<string, unknown>> | undefined;
  readonly errors: readonly SettingError[];
} {
  const spec: Record<string, unknown> = {};
  const errors: SettingError[] = [];
  for (const [name, [field, parser]] of Object.entries(settings)) {
    const source = values.get(name);
    if (source === undefined) continue;
    const parsed = parser(source);
    if (parsed.ok) spec[field] = parsed.value;
    else errors.push(...parsed.causes.map((cause) => ({ name, cause })));
  }
  return { spec: Object.keys(spec).length > 0 ? defined(spec) : undefined, errors };
}

/** Nanoseconds as Go prints a duration. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const sign = nanoseconds < 0 ? '-' : '';
  const n = Math.abs(nanoseconds);
  if (n < 1e3) return `${sign}${n}ns`;
  if (n < 1e6) return `${sign}${n / 1e3}µs`;
  if (n < 1e9) return `${sign}${n / 1e6}ms`;
  const hours = Math.floor(n / 3600e9);
  const minutes = Math.floor((n % 3600e9) / 60e9);
  const rest = Number(((n % 60e9) / 1e9).toFixed(9));
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${rest}s`;
}

function sameName(parser: Parser, ...names: readonly string[]): Record<string, readonly [string, Parser]> {
  return Object.fromEntries(
    names.map((name) => [name, [name[0]!.toLowerCase() + name.slice(1), parser] as const]),
  );
}
