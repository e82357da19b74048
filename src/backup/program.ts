/** `calico backup`: create, list, verify, restore. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EtcdClient, etcdOptionsOf, type KvStore, loadConfig } from '../datastore/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { kindOfAlias } from '../resources/index.ts';
import { createBackup } from './create.ts';
import { checkFiles, listBackups, openBackup, readKeys, type StoredBackup } from './read.ts';
import { applyRestore, planRestore, refuseOlder } from './restore.ts';
import { expired } from './retention.ts';

const usage = `Usage: calico backup create [--dir DIR] [--snapshot] [--keep N]
       calico backup list [--dir DIR] [-o json]
       calico backup verify NAME [--dir DIR]
       calico backup restore NAME [--dir DIR] [--kind KIND,…] [--all] [--prune] [--dry-run] [--yes] [--force]

create    every Calico key at one revision, with checksums; --snapshot adds etcd's own snapshot of everything
list      what there is
verify    proves the checksums, then restores into a throw-away etcd and compares
restore   shows its plan, asks, writes; leaves status keys alone, and workload endpoints and IPAM unless --all

  --dir DIR     where backups are            [default: /var/backups/calico]
  --keep N      delete all but the newest N after a successful create
  --kind KIND   only these kinds
  --prune       also delete objects that the backup does not have
  --force       undo changes that are newer than the backup
  --config FILE calicoctl's configuration; else the environment (ETCD_ENDPOINTS, …)

Exit codes: 0 done, 1 failed or refused, 2 usage.

Examples:
  calico backup create --keep 14
  calico backup restore calico-20261124T180000Z --kind IPPool,BGPPeer --dry-run
`;

/** The program. */
export async function backupProgram(argv: readonly string[]): Promise<number> {
  try {
    return await run(argv);
  } catch (error) {
    console.error(`calico backup: ${messageOf(error)}`);
    if (error instanceof CalicoError && error.cure) console.error(error.cure);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  }
}

interface Options {
  readonly dir: string;
  readonly snapshot: boolean;
  readonly keep: string | undefined;
  readonly kind: readonly string[];
  readonly all: boolean;
  readonly prune: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly force: boolean;
  readonly json: boolean;
  readonly config: string | undefined;
}

async function run(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (
    command === undefined ||
    /^(-h|--help|help)$/.test(command) ||
    rest.includes('--help') ||
    rest.includes('-h')
  ) {
    process.stdout.write(usage);
    return 0;
  }
  const { options, names } = readOptions(rest);
  switch (command) {
    case 'create':
      return await create(options);
    case 'list':
      return list(options);
    case 'verify':
      return await verify(openBackup(join(options.dir, oneName(names))));
    case 'restore':
      return await restore(openBackup(join(options.dir, oneName(names))), options);
    default:
      throw new CalicoError('USAGE', `calico backup has no command ${JSON.stringify(command)}`, {
        cure: 'Run: calico backup --help',
      });
  }
}

function readOptions(args: readonly string[]): {
  readonly options: Options;
  readonly names: readonly string[];
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: 'string', default: '/var/backups/calico' },
        snapshot: { type: 'boolean', default: false },
        keep: { type: 'string' },
        kind: { type: 'string', multiple: true, default: [] },
        all: { type: 'boolean', default: false },
        prune: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        force: { type: 'boolean', default: false },
        output: { type: 'string', short: 'o' },
        config: { type: 'string' },
      },
    });
    if (values.output !== undefined && values.output !== 'text' && values.output !== 'json')
      throw new Error(`-o ${values.output} is not known: text or json`);
    return {
      options: {
        ...values,
        keep: values.keep,
        config: values.config,
        dryRun: values['dry-run'],
        json: values.output === 'json',
      },
      names: positionals,
    };
  } catch (error) {
    throw new CalicoError('USAGE', messageOf(error), { cure: 'Run: calico backup --help' });
  }
}

function oneName(names: readonly string[]): string {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0)
    throw new CalicoError('USAGE', 'name one backup', { cure: 'calico backup list shows what there is.' });
  if (name.includes('/') || name.startsWith('.'))
    throw new CalicoError('USAGE', `${JSON.stringify(name)} is not the name of a backup`, {
      cure: 'Name its folder with --dir.',
    });
  return name;
}

async function openClient(config: string | undefined): Promise<EtcdClient> {
  return new EtcdClient(await etcdOptionsOf(await loadConfig({ file: config, env: process.env })));
}

async function create({ dir, snapshot, keep, config }: Options): Promise<number> {
  if (keep !== undefined && !/^[1-9]\d*$/.test(keep))
    throw new CalicoError('USAGE', `--keep ${keep}: give a number from 1 on`);
  const client = await openClient(config);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort(new CalicoError('INPUT', 'interrupted; nothing was kept')));
  try {
    const { name, manifest } = await createBackup({
      client,
      folder: dir,
      withSnapshot: snapshot,
      now: new Date(),
      signal: abort.signal,
    });
    console.log(`${join(dir, name)}: ${manifest.keys} keys at revision ${manifest.revision}`);
  } finally {
    client.close();
  }
  if (keep !== undefined) {
    for (const name of expired(
      listBackups(dir).map((one) => one.name),
      Number(keep),
    )) {
      rmSync(join(dir, name), { recursive: true });
      console.log(`${join(dir, name)}: deleted, older than the newest ${keep}`);
    }
  }
  return 0;
}

function list({ dir, json }: Options): number {
  const backups = listBackups(dir);
  if (json)
    console.log(
      JSON.stringify(
        backups.map(({ name, manifest }) => ({ name, ...manifest })),
        null,
        2,
      ),
    );
  else if (backups.length === 0) console.log(`no backups in ${dir}`);
  for (const { name, manifest } of json ? [] : backups) {
    const size = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    console.log(
      `${name}  ${String(manifest.keys).padStart(8)} keys  revision ${manifest.revision}  ${size} bytes  Calico ${manifest.calicoVersion || '-'}`,
    );
  }
  return 0;
}

async function verify(backup: StoredBackup): Promise<number> {
  await checkFiles(backup);
  console.log(`${backup.name}: checksums are right`);
  const scratch = await startScratchEtcd();
  try {
    const plan = await planRestore(backup, scratch.kv, { kinds: undefined, running: true, prune: false });
    await applyRestore(plan, scratch.kv);
    let compared = 0;
    for await (const { key, value, leased } of readKeys(backup)) {
      if (leased || key.startsWith('/calico/felix/')) continue;
      const [pair] = (await scratch.kv.range({ key })).pairs;
      if (!pair || !value.equals(pair.value))
        throw new CalicoError('INPUT', `${key} did not come back as it was`);
      compared++;
    }
    console.log(`${backup.name}: restored into a throw-away etcd, ${compared} keys came back as they were`);
  } finally {
    await scratch.stop();
  }
  return 0;
}

async function restore(backup: StoredBackup, options: Options): Promise<number> {
  await checkFiles(backup);
  const kinds = options.kind.flatMap((text) => text.split(',')).filter((text) => text !== '');
  const known = kinds.map((text) => {
    const kind = text.toUpperCase() === 'IPAM' ? 'IPAM' : kindOfAlias(text.toLowerCase());
    if (kind === undefined)
      throw new CalicoError('USAGE', `${text} is not a kind`, {
        cure: 'Use names as calicoctl get does, or IPAM.',
      });
    return kind;
  });
  const client = await openClient(options.config);
  try {
    const plan = await planRestore(backup, client, {
      kinds: known.length > 0 ? new Set<string>(known) : undefined,
      running: options.all || known.includes('IPAM') || known.includes('WorkloadEndpoint'),
      prune: options.prune,
    });
    for (const step of plan.steps) console.log(`${step.op.padEnd(6)} ${step.key}`);
    console.log(`${plan.steps.length} to change, ${plan.unchanged} as they are, ${plan.leftOut} left out`);
    if (options.dryRun || plan.steps.length === 0) return 0;
    if (!options.force) refuseOlder(backup, plan, (await client.status()).clusterId);
    if (!options.yes)
      throw new CalicoError('USAGE', 'nothing was written', {
        cure: 'Run it again with --yes to carry the plan out.',
      });
    const conflicts = await applyRestore(plan, client);
    for (const key of conflicts) console.error(`${key}: changed meanwhile, left as it is`);
    console.log(`restored ${plan.steps.length - conflicts.length} keys`);
    return conflicts.length > 0 ? 1 : 0;
  } finally {
    client.close();
  }
}

/** An empty etcd on loopback, gone afterwards. @throws CalicoError PROGRAM */
async function startScratchEtcd(): Promise<{ readonly kv: KvStore; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'calico-verify-'));
  const [client, peer] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const child = spawn(
    'etcd',
    [
      '--name',
      'verify',
      '--data-dir',
      folder,
      '--listen-client-urls',
      url,
      '--advertise-client-urls',
      url,
      '--listen-peer-urls',
      peerUrl,
      '--initial-advertise-peer-urls',
      peerUrl,
      '--initial-cluster',
      `verify=${peerUrl}`,
    ],
    { stdio: 'ignore' },
  );
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) =>
      reject(
        new CalicoError('PROGRAM', `etcd cannot be started: ${error.message}`, {
          cure: "Install Debian's etcd-server.",
        }),
      ),
    );
    child.once('exit', (code) =>
      reject(new CalicoError('PROGRAM', `etcd ended with ${code} while verifying`)),
    );
  });
  failed.catch(() => {});
  const kv = new EtcdClient({ endpoints: [url] });
  const stop = async () => {
    kv.close();
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([failed, answers(kv)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { kv, stop };
}

async function answers(kv: EtcdClient): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await kv.status({ timeout: 1000 });
      return;
    } catch (error) {
      if (attempt >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
