/** `calico explain`: what happens to a packet, and why. */
import { parseArgs } from 'node:util';
import { CalicoError, messageOf } from '../errors.ts';
import { tryParseAddress } from '../ip/index.ts';
import { protocolNumber } from '../policy/index.ts';
import { Cluster } from './cluster.ts';
import { explain, type Question } from './explain.ts';
import { formatExplanation } from './format.ts';
import { endpointPolicies, selectedEndpoints } from './selection.ts';
import { loadState } from './state.ts';

const usage = `Usage:
  calico explain SRC DST PROTO[/PORT] [options]
  calico explain --from-outside ADDR DST PROTO[/PORT] [options]
      The way of a packet through the cluster: interfaces, routes, tunnels, address translation, the verdict at every
      hook with tier, policy and rule, the rule as it stands in the kernel, and hints.
  calico explain endpoint NAME       The policies of an endpoint, in order.
  calico explain policy NAME         The endpoints that a policy selects.

  SRC, DST     NAMESPACE/POD, the name of a node or endpoint, or an IP address.
  PROTO/PORT   tcp/80, udp/53, sctp/9000, icmp (echo), icmp/TYPE, icmp/TYPE/CODE, or a protocol number.

Options:
  --state=FILE|live  Resources from YAML or JSON files (several separated by commas, - is the standard input), or from
                     the datastore. Default: live.
  --from-outside=ADDR  The packet comes from this address outside the cluster.
  -c --config=FILE   calicoctl.cfg; as for calicoctl, else the environment (ETCD_ENDPOINTS, …).
  -o json            For programs.

Exit code 0: allowed; 1: denied; 2: the command line is wrong or a name is unknown.
`;

/** `calico get endpoint NAME --policies` and `calico get policy NAME --selected`: the same lists by the words that one tries. */
export async function getProgram(argv: readonly string[]): Promise<number> {
  const rest = argv.filter((word) => word !== '--policies' && word !== '--selected');
  const [what = '', ...others] = rest;
  const flag = { endpoint: '--policies', policy: '--selected' }[what];
  if (flag === undefined || !argv.includes(flag)) {
    const help = argv.includes('--help') || argv.includes('-h');
    const text =
      'Usage: calico get endpoint NAME --policies\n       calico get policy NAME --selected\nOptions are those of calico explain. For resources see calicoctl get.\n';
    (help ? process.stdout : process.stderr).write(text);
    return help ? 0 : 2;
  }
  return run([what, ...others], 'calico get');
}

/** Runs the program. */
export async function explainProgram(argv: readonly string[]): Promise<number> {
  return run(argv, 'calico explain');
}

async function run(argv: readonly string[], name: string): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        config: { type: 'string', short: 'c' },
        output: { type: 'string', short: 'o', default: 'text' },
        state: { type: 'string', default: 'live' },
        'from-outside': { type: 'string' },
      },
    });
    if (values.help || positionals.length === 0) {
      process.stdout.write(usage);
      return values.help ? 0 : 2;
    }
    const words =
      values['from-outside'] === undefined ? positionals : [values['from-outside'], ...positionals];
    if (!['text', 'json'].includes(values.output))
      throw new CalicoError('USAGE', `there is no output "${values.output}"`);
    const json = values.output === 'json';
    const [first = '', second = '', third = ''] = words;
    const asksList = words.length === 2 && (first === 'endpoint' || first === 'policy');
    if (!asksList && words.length !== 3)
      throw new CalicoError('USAGE', `expected SRC DST PROTO/PORT, got ${words.length} words`);
    const what = asksList ? undefined : parseProtocol(third);
    const cluster = new Cluster(await loadState(values.state, values.config));
    if (!what) {
      const list =
        first === 'endpoint' ? endpointPolicies(cluster, second) : selectedEndpoints(cluster, second);
      process.stdout.write(json ? `${JSON.stringify(list, null, 2)}\n` : `${list.lines.join('\n')}\n`);
      return 0;
    }
    const source = sourceEnd(cluster, first, values['from-outside'] !== undefined);
    const explanation = explain(cluster, { source, destination: cluster.end(second), ...what });
    process.stdout.write(json ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation));
    return explanation.verdict === 'allow' ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\n`);
    if (error instanceof CalicoError && error.cure !== undefined) process.stderr.write(`${error.cure}\n`);
    return 2;
  }
}

function sourceEnd(cluster: Cluster, text: string, outside: boolean): Question['source'] {
  if (!outside) return cluster.end(text);
  if (!tryParseAddress(text))
    throw new CalicoError('USAGE', `--from-outside: "${text}" is not an IP address`);
  return { at: 'outside', addresses: [text] };
}

/** Reads PROTO/PORT. @throws CalicoError USAGE */
export function parseProtocol(text: string): Pick<Question, 'protocol' | 'port' | 'icmp'> {
  const [name = '', first, second] = text.toLowerCase().split('/');
  const protocol = protocolNumber(name);
  const number = (part: string | undefined, most: number, what: string): number => {
    const value = Number(part);
    if (part !== undefined && /^\d+$/.test(part) && value <= most) return value;
    throw new CalicoError('USAGE', `"${text}": ${what} is missing or not a number up to ${most}`);
  };
  if (protocol === undefined || protocol < 0 || protocol > 255) {
    throw new CalicoError('USAGE', `"${text}" names no protocol`, {
      cure: 'Write tcp/80, udp/53, icmp or a protocol number.',
    });
  }
  if (protocol === 1 || protocol === 58) {
    const type = first === undefined ? (protocol === 1 ? 8 : 128) : number(first, 255, 'the ICMP type');
    return {
      protocol,
      icmp: { type, code: second === undefined ? 0 : number(second, 255, 'the ICMP code') },
    };
  }
  if ([6, 17, 132, 136].includes(protocol)) return { protocol, port: number(first, 65_535, 'the port') };
  return { protocol };
}
