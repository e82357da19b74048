/** The program `calico-node`. */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { birdCommand, parseProtocols, statusOfOneDaemon } from '../bgp/index.ts';
import { CalicoError, messageOf } from '../errors.ts';
import { createIpam, DatastoreSource } from '../ipam/index.ts';
import { openNode, startDaemon } from './daemon.ts';
import { calicoVersion } from './defaults.ts';
import { type NodeCommand, parseNodeFlags, usage } from './flags.ts';
import { fileAgeSeconds, type ProbedSession, probe } from './probes.ts';
import { readNodeSettings } from './settings.ts';
import { startup } from './startup.ts';
import { ensureTunnelAddresses } from './tunnel-addresses.ts';

/** Runs calico-node; ends with its exit code. */
export async function nodeProgram(argv: readonly string[]): Promise<number> {
  try {
    return await run(parseNodeFlags(argv));
  } catch (error) {
    console.error(messageOf(error));
    if (error instanceof CalicoError && error.cure) console.error(error.cure);
    return error instanceof CalicoError && error.code === 'USAGE' ? 2 : 1;
  }
}

async function run(command: NodeCommand): Promise<number> {
  const env = process.env;
  switch (command.kind) {
    case 'help':
      process.stdout.write(usage);
      return 0;
    case 'version':
      console.log(calicoVersion);
      return 0;
    case 'run':
      return await (await startDaemon(env)).ended;
    case 'startup': {
      const context = await openNode(env);
      try {
        await startup(context);
      } finally {
        context.close();
      }
      return 0;
    }
    case 'allocate-tunnel-addresses': {
      const { nodeName, store, nodeLog, close } = await openNode(env);
      try {
        const pools = await new DatastoreSource(store).pools();
        await ensureTunnelAddresses({
          nodeName,
          store,
          ipam: createIpam(store),
          pools,
          log: (message) => nodeLog.info(message),
        });
      } finally {
        close();
      }
      return 0;
    }
    case 'shutdown':
      writeFileSync(
        join(readNodeSettings(env).paths.lib, 'shutdownTS'),
        new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      );
      return 0;
    case 'probe':
      return await runProbe(command);
    case 'show-status':
    case 'install-cni':
    case 'config':
      return await (await import('./subcommands.ts')).runSubcommand(command);
  }
}

async function runProbe({
  flags,
  thresholdSeconds,
}: Extract<NodeCommand, { kind: 'probe' }>): Promise<number> {
  const { paths } = readNodeSettings(process.env);
  const problem = await probe(
    {
      felixLive: flags.has('felix-live'),
      felixReady: flags.has('felix-ready'),
      birdLive: flags.has('bird-live'),
      birdReady: flags.has('bird-ready'),
      bird6Live: flags.has('bird6-live'),
      bird6Ready: flags.has('bird6-ready'),
      thresholdSeconds,
    },
    {
      fetchStatus: (path) =>
        httpStatus(
          process.env['FELIX_HEALTHHOST'] || 'localhost',
          Number(process.env['FELIX_HEALTHPORT'] || 9099),
          path,
        ),
      sessions: (version) => sessionsOf(join(paths.run, 'bird.ctl'), version),
      ageSeconds: () => fileAgeSeconds(paths.nodenameFile, Date.now()),
    },
  );
  if (problem === undefined) return 0;
  console.log(problem);
  return 1;
}

async function sessionsOf(path: string, version: 4 | 6): Promise<readonly ProbedSession[]> {
  const reply = await birdCommand('show protocols', { path, restrict: true });
  const status = statusOfOneDaemon(parseProtocols(reply.lines));
  const family = version === 4 ? status.ipv4 : status.ipv6;
  if (family.kind !== 'sessions') throw new CalicoError('PROGRAM', 'BIRD is not running');
  return family.protocols.map((row) => ({
    address: row.name.replace(/^[^_]+_/, '').replaceAll('_', version === 4 ? '.' : ':'),
    established: row.bgpState === 'Established',
    gracefulRestart: row.reason.includes('Graceful restart'),
  }));
}

function httpStatus(host: string, port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request({ host, port, path, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
    call.end();
  });
}
