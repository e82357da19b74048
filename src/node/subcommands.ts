/** `calico-node show-status | config | install-cni`: what is asked rarely and loads more than the daemon. */
import { constants, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { birdCommand, parseProtocols, printNodeStatus, statusOfOneDaemon } from '../bgp/index.ts';
import { installCni } from '../cni/index.ts';
import { CalicoError } from '../errors.ts';
import { parseConfigFile, type ResolvedConfig, resolveConfig } from '../felix/index.ts';
import { PolicyGraph } from '../policy/index.ts';
import { openNode } from './daemon.ts';
import type { NodeCommand } from './flags.ts';
import { readNodeSettings } from './settings.ts';

/** Runs one of the words. */
export async function runSubcommand(
  command: Extract<NodeCommand, { kind: 'show-status' | 'install-cni' | 'config' }>,
): Promise<number> {
  switch (command.kind) {
    case 'show-status': {
      const path = join(readNodeSettings(process.env).paths.run, 'bird.ctl');
      const reply = await birdCommand('show protocols', { path, restrict: true });
      process.stdout.write(printNodeStatus(statusOfOneDaemon(parseProtocols(reply.lines))));
      return 0;
    }
    case 'config':
      return await showConfig(command);
    case 'install-cni':
      return installHere();
  }
}

/** Places the plugins, which are this executable under two names, and their configuration. */
function installHere(): number {
  const programs = mkdtempSync(join(tmpdir(), 'calico-cni-'));
  try {
    for (const name of ['calico', 'calico-ipam'])
      copyFileSync(process.execPath, join(programs, name), constants.COPYFILE_FICLONE);
    const hostRoot = process.env['CNI_HOST_ROOT'] ?? (existsSync('/host/opt/cni/bin') ? '/host' : '');
    installCni({
      env: process.env,
      programs,
      hostRoot,
      serviceAccount: '/var/run/secrets/kubernetes.io/serviceaccount',
      log: console.log,
    });
    return 0;
  } finally {
    rmSync(programs, { recursive: true, force: true });
  }
}

/** Every setting with its value and origin, or one of them. */
async function showConfig({
  why,
  json,
}: {
  readonly why: string | undefined;
  readonly json: boolean;
}): Promise<number> {
  const { config, origins, warnings, errors } = await resolveHere();
  const wanted = why?.replace(/^FELIX_/i, '').toLowerCase();
  const names = (Object.keys(config) as (keyof typeof config)[]).filter(
    (name) => wanted === undefined || name.toLowerCase() === wanted,
  );
  if (names.length === 0) {
    throw new CalicoError('NOT_FOUND', `there is no setting ${why}`, {
      cure: 'calico-node config lists all of them.',
    });
  }
  const rows = names.map((name) => ({ name, value: config[name], origin: origins[name] }));
  if (json) console.log(JSON.stringify({ settings: rows, warnings, errors }, null, 2));
  else
    for (const { name, value, origin } of rows)
      console.log(`${name} = ${JSON.stringify(value) ?? 'unset'}  (${origin})`);
  for (const text of [...warnings, ...errors]) console.error(text);
  return errors.length > 0 ? 1 : 0;
}

async function resolveHere(): Promise<ResolvedConfig> {
  const { nodeName, settings, store, close } = await openNode(process.env);
  try {
    const graph = new PolicyGraph({ hostname: nodeName });
    for (const kind of ['FelixConfiguration', 'ClusterInformation', 'Node'] as const) {
      const { items } = await store.list({ type: 'resource', kind });
      graph.onUpdates(items.map((kv) => ({ type: 'put', kv })));
    }
    graph.onStatus('in-sync');
    graph.flush();
    const [stored] = graph.entries('config').values();
    const file = join(settings.paths.etc, 'felix.cfg');
    return resolveConfig({
      ...(stored
        ? {
            global: stored.global,
            node: stored.node,
            ...(stored.selected ? { selected: stored.selected } : {}),
          }
        : {}),
      file: existsSync(file) ? parseConfigFile(readFileSync(file, 'utf8')) : {},
      environment: process.env,
    });
  } finally {
    close();
  }
}
