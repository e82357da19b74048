/** `calicoctl ipam info`, `ipam release` with the address as a word, and `calicoctl config …`. */
import { tryParseAddress } from '../../ip/index.ts';
import { apiVersion } from '../../resources/index.ts';
import { updateResource } from '../client/actions.ts';
import type { ResourceClient } from '../client/client.ts';
import { ClientError } from '../client/errors.ts';
import { allocatorOf } from '../client/ipam.ts';
import type { Ctl } from '../command.ts';
import { type Args, flagArg, textArg } from '../grammar/docopt.ts';
import { type LegacyCommand, legacyFailure, withStore } from './legacy-command.ts';

function requireIp(args: Args): string {
  const ip = textArg(args, '<IP>') ?? '';
  if (!tryParseAddress(ip)) throw legacyFailure('Invalid IP address specified.');
  return ip;
}

function logLevel(usage: string, kind: string, today: string): LegacyCommand {
  return {
    usage: `config ${usage} loglevel [<VALUE> | --remove]`,
    today,
    run: (args, ctl) => withStore(ctl, (client) => runLogLevel(client, kind, args, ctl)),
  };
}

async function runLogLevel(client: ResourceClient, kind: string, args: Args, ctl: Ctl): Promise<undefined> {
  const value = textArg(args, '<VALUE>');
  const remove = flagArg(args, '--remove');
  const current = await (async () => {
    try {
      return await client.get({ kind, name: 'default' });
    } catch (error) {
      if (error instanceof ClientError && error.class === 'not-found') return undefined;
      throw error;
    }
  })();
  if (value === undefined && !remove) {
    ctl.io.stdout(`${current?.spec['logSeverityScreen'] ?? 'No value configured'}\n`);
    return undefined;
  }
  const { logSeverityScreen: _before, ...others } = current?.spec ?? {};
  const level = value && value.charAt(0).toUpperCase() + value.slice(1).toLowerCase();
  const spec = remove ? others : { ...others, logSeverityScreen: level };
  if (current) await updateResource(client, { ...current, spec });
  else if (!remove) await client.create({ apiVersion, kind, metadata: { name: 'default' }, spec });
  if (remove) ctl.io.stdout('Value removed\n');
  return undefined;
}

/** See the module's comment. */
export const settingCommands: readonly LegacyCommand[] = [
  {
    usage: 'ipam info <IP>',
    today: 'ipam show --ip=<IP>',
    async run(args, ctl) {
      const ip = requireIp(args);
      const allocation = await withStore(ctl, (client) => allocatorOf(client).allocationOf(ip));
      if (!allocation) ctl.io.stdout(`IP ${ip} is not currently assigned\n`);
      else {
        const lines = Object.entries(allocation.attributes).map(([name, value]) => `${name}: ${value}\n`);
        ctl.io.stdout(lines.length === 0 ? `No attributes defined for ${ip}\n` : lines.sort().join(''));
      }
      return undefined;
    },
  },
  {
    usage: 'ipam release <IP>',
    today: 'ipam release --ip=<IP>',
    async run(args, ctl) {
      const ip = requireIp(args);
      const { released } = await withStore(ctl, (client) =>
        allocatorOf(client).releaseIps([{ address: ip }]),
      );
      ctl.io.stdout(released.length > 0 ? 'Address successfully released\n' : 'Failed to release address\n');
      return undefined;
    },
  },
  logLevel('felix', 'FelixConfiguration', 'get felixconfig default -o yaml'),
  logLevel('bgp', 'BGPConfiguration', 'get bgpconfig default'),
  logLevel('node bgp', 'BGPConfiguration', 'get bgpconfig node.<name>'),
];
