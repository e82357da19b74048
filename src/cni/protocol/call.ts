/** One call of a runtime: the environment and the configuration, checked as upstream's library (skel) checks them. */
import { CniError, cniCode } from './cni-error.ts';
import { goJsonProblem } from './go-json.ts';

/** Versions that the plugins speak. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

/** A version of the protocol. */
export type CniVersion = (typeof supportedVersions)[number];

/** A command of the protocol. */
export type CniCommand = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION';

/** The environment of a call. */
export type CniEnvironment = Readonly<Record<string, string | undefined>>;

/** A call whose environment and configuration are as they must be. Fields that the command does not need are empty. */
export interface CniCall {
  readonly command: CniCommand;
  readonly containerId: string;
  /** Path of the network namespace; may be empty on DEL. */
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly path: string;
  readonly version: CniVersion;
  readonly config: Readonly<Record<string, unknown>>;
  readonly name: string;
}

/** Variables in upstream's order, with the commands that need them. */
const variables: readonly (readonly [string, readonly string[]])[] = [
  ['CNI_CONTAINERID', ['ADD', 'CHECK', 'DEL']],
  ['CNI_NETNS', ['ADD', 'CHECK']],
  ['CNI_IFNAME', ['ADD', 'CHECK', 'DEL']],
  ['CNI_PATH', ['ADD', 'CHECK', 'DEL', 'GC', 'STATUS']],
];

/** First version that has a command. */
const introduced: Readonly<Partial<Record<CniCommand, CniVersion>>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

/** Reads a call. @throws CniError */
export function readCall(env: CniEnvironment, stdin: string): CniCall {
  const command = commandOf(env);
  const missing = variables
    .filter(([name, needed]) => needed.includes(command) && !env[name])
    .map(([name]) => name);
  if (missing.length > 0) {
    throw new CniError(cniCode.invalidEnvironment, `required env variables [${missing.join(',')}] missing`);
  }
  const containerId = env['CNI_CONTAINERID'] ?? '';
  const ifName = env['CNI_IFNAME'] ?? '';
  const call = { command, containerId, ifName, netns: env['CNI_NETNS'] ?? '', args: env['CNI_ARGS'] ?? '' };
  const path = env['CNI_PATH'] ?? '';
  if (command === 'VERSION') return { ...call, path, version: '1.1.0', config: {}, name: '' };
  const config = readConfig(stdin);
  const name = checkName(config['name']);
  if (variables[0]![1].includes(command)) checkIdentifiers(containerId, ifName);
  const version = checkVersion(config['cniVersion'], command);
  return { ...call, path, version, config, name };
}

function commandOf(env: CniEnvironment): CniCommand {
  const command = env['CNI_COMMAND'] ?? '';
  const known: readonly string[] = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'];
  if (known.includes(command)) return command as CniCommand;
  throw new CniError(cniCode.invalidEnvironment, `unknown CNI_COMMAND: ${command}`);
}

/** The configuration on stdin. @throws CniError */
export function readConfig(stdin: string): Readonly<Record<string, unknown>> {
  const problem = goJsonProblem(stdin);
  const refuse = (text: string) => new CniError(cniCode.decoding, `error unmarshall network config: ${text}`);
  if (problem !== undefined) throw refuse(problem);
  const value: unknown = JSON.parse(stdin);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw refuse(
    `json: cannot unmarshal ${type} into Go value of type struct { Name string "json:\\"name\\"" }`,
  );
}

function checkName(name: unknown): string {
  if (name === undefined || name === null || name === '') {
    throw new CniError(cniCode.invalidConfig, 'missing network name');
  }
  const text = String(name);
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text)) return text;
  throw new CniError(cniCode.invalidConfig, 'invalid characters found in network name', text);
}

function checkIdentifiers(containerId: string, ifName: string): void {
  const refuse = (message: string, details = '') =>
    new CniError(cniCode.invalidEnvironment, message, details);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId)) {
    throw refuse('invalid characters in containerID', containerId);
  }
  if (ifName.length > 15) {
    throw refuse('interface name is too long', 'interface name should be less than 16 characters');
  }
  if (ifName === '.' || ifName === '..') throw refuse('interface name is . or ..');
  if (/[/:\s]/.test(ifName)) throw refuse('interface name contains / or : or whitespace characters');
}

function checkVersion(version: unknown, command: CniCommand): CniVersion {
  const text = version === undefined || version === null || version === '' ? '0.2.0' : String(version);
  const first = introduced[command];
  const position = (supportedVersions as readonly string[]).indexOf(text);
  if (position < 0) {
    const supported = supportedVersions.map((one) => `"${one}"`).join(' ');
    const details = `config is "${text}", plugin supports [${supported}]`;
    throw new CniError(cniCode.incompatibleVersion, 'incompatible CNI versions', details);
  }
  if (first !== undefined && position < supportedVersions.indexOf(first)) {
    throw new CniError(cniCode.incompatibleVersion, `config version does not allow ${command}`);
  }
  return text as CniVersion;
}

/** The reply to VERSION. */
export function versionReply(): string {
  return JSON.stringify({ cniVersion: '1.1.0', supportedVersions });
}
