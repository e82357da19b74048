/** The stored configuration of IPAM (`/calico/ipam/v2/config`). */
import type { CallOptions, Json } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import type { Core } from './core.ts';
import { defaultConfig, initialConfig, parseConfig } from './source.ts';
import type { IpamConfig, SetConfigOptions } from './types.ts';

/** The configuration in force. */
export async function getConfig(core: Core, options?: CallOptions): Promise<IpamConfig> {
  return (await core.source.config(options)) ?? defaultConfig;
}

/**
 * Changes members of the configuration; members of later releases are kept. A plain put, as upstream's.
 * @throws CalicoError INPUT for a combination that is not allowed
 */
export async function setConfig(
  core: Core,
  change: Partial<IpamConfig>,
  options: SetConfigOptions = {},
): Promise<IpamConfig> {
  const stored = await core.datastore.get({ type: 'ipam-config' }, options);
  const before = stored ? parseConfig(stored.value) : defaultConfig;
  const config: IpamConfig = { ...before, ...change };
  if (!config.strictAffinity && !config.autoAllocateBlocks) {
    throw new CalicoError(
      'INPUT',
      "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time",
    );
  }
  if (config.maxBlocksPerHost > 0 && !config.strictAffinity) {
    throw new CalicoError('INPUT', 'MaxBlocksPerHost requires StrictAffinity to be enabled');
  }
  const others = (stored?.value ?? options.initial ?? initialConfig) as Readonly<Record<string, Json>>;
  const { strict_affinity: _s, auto_allocate_blocks: _a, maxBlocksPerHost: _m, ...rest } = others;
  // A member that is false or 0 is left out, as Go leaves it out.
  const value: Json = {
    ...(config.strictAffinity ? { strict_affinity: true } : {}),
    ...(config.autoAllocateBlocks ? { auto_allocate_blocks: true } : {}),
    ...(config.maxBlocksPerHost > 0 ? { maxBlocksPerHost: config.maxBlocksPerHost } : {}),
    ...rest,
  };
  await core.datastore.put({ type: 'ipam-config' }, value, options);
  core.source.refresh?.();
  return config;
}
