/** CNI_ARGS: `A=b;C=d`. */
import { formatAddress, tryParseAddress } from '../../ip/index.ts';
import { CniError, cniCode } from './cni-error.ts';

/** The arguments that the plugins know. */
export interface CniArgs {
  readonly podNamespace: string;
  readonly podName: string;
  /** Address asked for by `IP=`. */
  readonly ip: string | undefined;
}

const known = new Set([
  'IgnoreUnknown',
  'IP',
  'K8S_POD_NAMESPACE',
  'K8S_POD_NAME',
  'K8S_POD_UID',
  'K8S_POD_INFRA_CONTAINER_ID',
  'CNI_TEST_NAMESPACE',
]);

/** Reads the arguments. `strict`: unknown ones are refused unless IgnoreUnknown is set. @throws CniError */
export function readArgs(text: string, options: { readonly strict: boolean }): CniArgs {
  const pairs = new Map<string, string>();
  for (const pair of text === '' ? [] : text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.indexOf('=', equals + 1) >= 0) refuse(`invalid pair ${JSON.stringify(pair)}`);
    pairs.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const ignore = ['1', 'true'].includes((pairs.get('IgnoreUnknown') ?? '').toLowerCase());
  const unknown = [...pairs].filter(([key]) => !known.has(key)).map(([key, value]) => `"${key}=${value}"`);
  if (options.strict && !ignore && unknown.length > 0) refuse(`unknown args [${unknown.join(' ')}]`);
  return {
    podNamespace: pairs.get('K8S_POD_NAMESPACE') ?? '',
    podName: pairs.get('K8S_POD_NAME') ?? '',
    ip: ipOf(pairs.get('IP')),
  };
}

function ipOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const address = tryParseAddress(text);
  return address
    ? formatAddress(address)
    : refuse(`error parsing value of pair "IP=${text}": invalid IP address: ${text}`);
}

function refuse(text: string): never {
  throw new CniError(cniCode.other, `ARGS: ${text}`);
}
