/** IPAM by another plugin: found on CNI_PATH, run with the configuration on stdin. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NetConf } from './config.ts';
import type { KubernetesReader } from './kubernetes/reader.ts';
import type { CniCall, CniEnvironment } from './protocol/call.ts';
import { CniError, cniCode } from './protocol/cni-error.ts';
import { type CniResult, readResult } from './protocol/result.ts';

/** Runs the plugin `type` for a command and gives its result. @throws CniError with the plugin's own words */
export async function delegate(
  type: string,
  command: 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS',
  call: CniCall,
  env: CniEnvironment,
  config: Readonly<Record<string, unknown>>,
): Promise<CniResult> {
  const program = findPlugin(type, call.path);
  const { status, stdout } = await run(program, { ...env, CNI_COMMAND: command }, JSON.stringify(config));
  const document = parse(stdout);
  if (status === 0) return readResult(document);
  const { msg, details } = document as { readonly msg?: unknown; readonly details?: unknown };
  const message = typeof msg === 'string' ? msg : `plugin ${type} failed with exit status ${status}`;
  throw new CniError(cniCode.other, message, typeof details === 'string' ? details : '');
}

function findPlugin(type: string, path: string): string {
  if (type === '') throw new CniError(cniCode.other, 'no plugin name provided');
  if (type.includes('/')) throw new CniError(cniCode.other, `invalid plugin name: ${type}`);
  const folders = path.split(':').filter((folder) => folder !== '');
  const program = folders.map((folder) => join(folder, type)).find((file) => existsSync(file));
  if (program) return program;
  throw new CniError(cniCode.other, `failed to find plugin "${type}" in path [${folders.join(' ')}]`);
}

function run(
  program: string,
  env: CniEnvironment,
  stdin: string,
): Promise<{ status: number; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [], { env: { ...env } }, (error, stdout) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ status: typeof error?.code === 'number' ? error.code : 0, stdout });
    });
    child.stdin?.end(stdin);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/**
 * The configuration for a delegated plugin: `usePodCidr` and `usePodCidrIPv6` become the node's pod CIDRs; without a
 * reader (on DEL, where host-local looks up nothing) the whole range.
 */
export async function withPodCidrs(
  conf: NetConf,
  node: string,
  reader: (() => Promise<KubernetesReader>) | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  if (conf.ipamType !== 'host-local' || !/"usepodcidr(ipv6)?"/i.test(JSON.stringify(conf.ipam)))
    return conf.ipam;
  const name = conf.kubernetes.nodeName || node;
  const cidrs = reader ? await (await reader()).podCidrs(name) : ['0.0.0.0/0', '::/0'];
  const cidrOf = (v6: boolean) => {
    const cidr = cidrs.find((one) => one.includes(':') === v6);
    if (cidr === undefined) throw new CniError(cniCode.other, `no podCidr for node ${name}`);
    return cidr;
  };
  const replace = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const text = key === 'subnet' && typeof item === 'string' ? item.toLowerCase() : '';
        if (text === 'usepodcidr' || text === 'usepodcidripv6') return [key, cidrOf(text.endsWith('ipv6'))];
        return [key, replace(item)];
      }),
    );
  };
  return replace(conf.ipam) as Readonly<Record<string, unknown>>;
}
