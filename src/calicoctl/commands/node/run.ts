/** `node run`: starts the Calico node on this host, or shows the container command that would. */

import { messageOf } from '../../../errors.ts';
import {
  formatAddress,
  type IpVersion,
  tryParseAddress,
  tryParseInterfaceAddress,
} from '../../../ip/index.ts';
import { parseAsNumber } from '../../../resources/index.ts';
import { type Command, type Ctl, CtlHardExit, failure } from '../../command.ts';
import { ConfigError, type ConnectionConfig, defaultConfigPath, loadConnection } from '../../config.ts';
import { type Args, flagArg, textArg } from '../../grammar/docopt.ts';
import { helpText, sharedOptions } from '../../grammar/help.ts';
import { requireRoot } from './root.ts';

const options = [
  { spec: '--ip=<IP>', text: 'IPv4 address of this host for BGP, or autodetect.' },
  { spec: '--ip6=<IP6>', text: 'IPv6 address of this host for BGP, or autodetect.' },
  { spec: '--as=<AS_NUM>', text: 'AS number of this host.' },
  { spec: '--name=<NAME>', text: 'Name of this host in Calico; the hostname unless given.' },
  {
    spec: '--ip-autodetection-method=<IP_AUTODETECTION_METHOD>',
    text: 'first-found, can-reach=..., interface=... or skip-interface=... [default: first-found]',
  },
  {
    spec: '--ip6-autodetection-method=<IP6_AUTODETECTION_METHOD>',
    text: 'The same for IPv6. [default: first-found]',
  },
  { spec: '--log-dir=<LOG_DIR>', text: 'Directory for logs. [default: /var/log/calico]' },
  {
    spec: '--node-image=<DOCKER_IMAGE_NAME>',
    text: 'Container image. [default: quay.io/calico/node:latest]',
  },
  { spec: '--backend=<BACKEND>', text: 'Routing daemon: bird or none. [default: bird]' },
  { spec: '--felix-config=<CONFIG>', text: 'Configuration file of Felix.' },
  { spec: '--no-default-ippools', text: 'Create no default pools.' },
  { spec: '--dryrun', text: 'Show the command without running it.' },
  { spec: '--init-system', text: 'Run as an init system wants it: in the foreground.' },
];

/** See the module's comment. */
export const run: Command = {
  name: 'node run',
  summary: 'Run the node.',
  help({ binary, release }) {
    const all = [...options, sharedOptions.config, sharedOptions.mismatch];
    return helpText({
      binary,
      release,
      usage: [
        `node run [--ip=<IP>] [--ip6=<IP6>] [--as=<AS_NUM>] [--name=<NAME>]
                     [--ip-autodetection-method=<IP_AUTODETECTION_METHOD>]
                     [--ip6-autodetection-method=<IP6_AUTODETECTION_METHOD>]
                     [--log-dir=<LOG_DIR>] [--node-image=<DOCKER_IMAGE_NAME>]
                     [--backend=<BACKEND>] [--config=<CONFIG>] [--felix-config=<CONFIG>]
                     [--no-default-ippools] [--dryrun] [--init-system]${release.minor >= 20 ? ' [--allow-version-mismatch]' : ''}`,
      ],
      options: all,
      description: `Starts the Calico node on this host with these settings. With --dryrun the command of
the container is shown instead.`,
    });
  },
  async run(args, ctl) {
    const host = await ctl.io.host();
    const dryRun = flagArg(args, '--dryrun');
    if (!dryRun) requireRoot(host);
    checkAddress(textArg(args, '--ip'), 4, '--ip', ctl);
    checkAddress(textArg(args, '--ip6'), 6, '--ip6', ctl);
    const as = textArg(args, '--as');
    if (as !== undefined && typeof parseAsNumber(as) !== 'number') {
      throw new CtlHardExit(`Error executing command: invalid AS Number specified: ${as}`);
    }
    const backend = textArg(args, '--backend') ?? 'bird';
    const backends = ctl.release.minor <= 15 ? ['bird', 'gobgp', 'none'] : ['bird', 'none'];
    if (!backends.includes(backend))
      throw failure(ctl, `error executing command: unknown backend '${backend}'`);
    checkMethod(textArg(args, '--ip-autodetection-method'), 'IP', ctl);
    checkMethod(textArg(args, '--ip6-autodetection-method'), 'IPv6', ctl);
    const config = await connection(args, ctl);
    const settings = settingsOf(args, config, host.hostname, ctl);
    if (!dryRun) return await start(settings, ctl);
    const init = flagArg(args, '--init-system');
    const command = containerCommand(settings, args, config, init);
    ctl.io.stdout(
      `Use the following command to start the calico/node container:\n\n${command.join(' ')}\n\n`,
    );
    ctl.io.stdout(
      init
        ? 'Use the following command to stop the calico/node container:\n\ndocker stop calico-node\n\n'
        : 'If you are running calico/node in an init system, use the --init-system flag\nto display the appropriate start and stop commands.\n',
    );
    return undefined;
  },
};

function checkAddress(text: string | undefined, version: IpVersion, option: string, ctl: Ctl): void {
  if (text === undefined || text === 'autodetect') return;
  const parsed = tryParseAddress(text) ?? tryParseInterfaceAddress(text)?.address;
  if (!parsed) throw new CtlHardExit(`Error executing command: invalid IP address specified: ${text}`);
  if (parsed.version !== version) {
    throw failure(ctl, `error executing command: ${option} is wrong IP version`);
  }
  void formatAddress(parsed);
}

function checkMethod(method: string | undefined, family: string, ctl: Ctl): void {
  const known = /^(first-found$|can-reach=.|interface=.|skip-interface=.|cidr=.|kubernetes-internal-ip$)/;
  if (method === undefined || known.test(method)) return;
  throw failure(ctl, `error executing command: invalid ${family} autodetection method: ${method}`);
}

async function connection(args: Args, ctl: Ctl): Promise<ConnectionConfig> {
  try {
    const config = await loadConnection(textArg(args, '--config') ?? defaultConfigPath, ctl);
    if (config.datastoreType === 'etcdv3') return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw failure(ctl, `error executing command: ${messageOf(error)}`);
  }
  throw failure(ctl, 'error executing command: unsupported backend specified in config');
}

function settingsOf(
  args: Args,
  config: ConnectionConfig,
  hostname: string,
  ctl: Ctl,
): Readonly<Record<string, string>> {
  const method = (name: string): string | undefined => {
    const value = textArg(args, name);
    return value === 'first-found' ? undefined : value;
  };
  const given: Readonly<Record<string, string | undefined>> = {
    NODENAME: textArg(args, '--name') ?? hostname,
    CALICO_NETWORKING_BACKEND: textArg(args, '--backend') ?? 'bird',
    CALICO_MANAGE_CNI: ctl.release.minor <= 15 ? undefined : 'false',
    NO_DEFAULT_POOLS: flagArg(args, '--no-default-ippools') ? 'true' : undefined,
    AS: textArg(args, '--as'),
    IP: textArg(args, '--ip'),
    IP_AUTODETECTION_METHOD: method('--ip-autodetection-method'),
    IP6: textArg(args, '--ip6'),
    IP6_AUTODETECTION_METHOD: method('--ip6-autodetection-method'),
    ETCD_ENDPOINTS: config.etcdEndpoints ?? '',
    ETCD_DISCOVERY_SRV: config.etcdDiscoverySrv ?? '',
    ETCD_CA_CERT_FILE: config.etcdCACertFile && '/etc/calico/certs/ca_cert.crt',
    ETCD_CERT_FILE: config.etcdCertFile && '/etc/calico/certs/cert.crt',
    ETCD_KEY_FILE: config.etcdKeyFile && '/etc/calico/certs/key.pem',
  };
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function containerCommand(
  settings: Readonly<Record<string, string>>,
  args: Args,
  config: ConnectionConfig,
  init: boolean,
): readonly string[] {
  const logDir = textArg(args, '--log-dir') ?? '/var/log/calico';
  const mounts = [
    `${logDir}:/var/log/calico`,
    '/var/run/calico:/var/run/calico',
    '/var/lib/calico:/var/lib/calico',
    '/lib/modules:/lib/modules',
    '/run:/run',
  ];
  const felix = textArg(args, '--felix-config');
  if (felix) mounts.push(`${felix}:/etc/calico/felix.cfg`);
  if (config.etcdCACertFile) mounts.push(`${config.etcdCACertFile}:/etc/calico/certs/ca_cert.crt`);
  if (config.etcdCertFile) mounts.push(`${config.etcdCertFile}:/etc/calico/certs/cert.crt`);
  if (config.etcdKeyFile) mounts.push(`${config.etcdKeyFile}:/etc/calico/certs/key.pem`);
  return [
    ...'docker run --net=host --privileged --name=calico-node'.split(' '),
    ...(init ? ['--rm'] : ['-d', '--restart=always']),
    ...Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...mounts.flatMap((mount) => ['-v', mount]),
    textArg(args, '--node-image') ?? 'quay.io/calico/node:latest',
  ];
}

/** Starts the agent of this very executable with the settings in its environment. */
async function start(settings: Readonly<Record<string, string>>, ctl: Ctl): Promise<number> {
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, ['node'], { env: { ...ctl.io.env, ...settings }, stdio: 'inherit' });
  return await new Promise((resolve) => {
    child.on('error', (error) => {
      ctl.io.stderr(`${error.message}\n`);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
