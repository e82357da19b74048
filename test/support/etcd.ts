/** Debian's etcd as a child process for tests: loopback, ephemeral ports, a directory of its own that goes with it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient, type TlsOptions } from '../../src/datastore/index.ts';
import { CalicoError } from '../../src/errors.ts';

/** Files of a certificate and its key. */
export interface TestCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a test may ask for. */
export interface TestEtcdOptions {
  /** Members of the cluster; 1. */
  readonly members?: number;
  /** Serve TLS and demand client certificates. */
  readonly tls?: TestCertificates;
}

/** A running cluster. */
export interface TestEtcd {
  /** Client URLs, one per member. */
  readonly endpoints: readonly string[];
  client(options?: { readonly endpoints?: readonly string[]; readonly timeout?: number }): EtcdClient;
  /** Kills a member at once (SIGKILL). */
  kill(member: number): Promise<void>;
  /** Stops a member from doing anything (SIGSTOP), its connections stay open. */
  pause(member: number): void;
  /** Starts a killed member again on its data and ports; with authentication on, a refusal counts as ready. */
  restart(member: number, options?: { readonly requireAnonymous?: boolean }): Promise<void>;
  /** Ends all members and removes their data. */
  stop(): Promise<void>;
}

interface Port {
  readonly port: number;
  release(): Promise<void>;
}

/** Starts a cluster and waits until it serves. @throws when etcd is missing, a port is taken, or a member ends */
export async function startEtcd(options: TestEtcdOptions = {}): Promise<TestEtcd> {
  const count = options.members ?? 1;
  const root = mkdtempSync(join(tmpdir(), 'calico-etcd-'));
  // All ports are held until all are known, so that no two members get the same.
  const ports = await Promise.all(Array.from({ length: 2 * count }, reservePort));
  const scheme = options.tls ? 'https' : 'http';
  const endpoints = ports.slice(0, count).map(({ port }) => `${scheme}://127.0.0.1:${port}`);
  const peers = ports.slice(count).map(({ port }) => `http://127.0.0.1:${port}`);
  await Promise.all(ports.map((port) => port.release()));
  const children: ChildProcess[] = [];
  const log: string[] = endpoints.map(() => '');

  const start = (member: number) => {
    const url = endpoints[member]!;
    const peer = peers[member]!;
    const args = [
      ...['--name', `m${member}`, '--data-dir', join(root, `m${member}`)],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', peers.map((address, i) => `m${i}=${address}`).join(',')],
      ...['--logger', 'zap', '--log-level', 'warn', '--log-outputs', 'stderr'],
      ...['--heartbeat-interval', '50', '--election-timeout', '500'],
      ...(options.tls
        ? [
            ...['--client-cert-auth', '--trusted-ca-file', options.tls.ca],
            ...['--cert-file', options.tls.cert, '--key-file', options.tls.key],
          ]
        : []),
    ];
    const child = spawn('etcd', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr!.on('data', (chunk: Buffer) => {
      log[member] = (log[member]! + chunk.toString()).slice(-20_000);
    });
    children[member] = child;
    return child;
  };

  const client: TestEtcd['client'] = (own = {}) =>
    new EtcdClient({
      endpoints: own.endpoints ?? endpoints,
      inOrder: true,
      ...(own.timeout === undefined ? {} : { timeout: own.timeout }),
      ...(options.tls ? { tls: readTls(options.tls) } : {}),
    });

  const ready = async (member: number, requireAnonymous = true) => {
    const child = children[member]!;
    const probe = client({ endpoints: [endpoints[member]!], timeout: 1_000 });
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (error) => reject(new Error(`cannot run etcd: ${error.message}`)));
      child.once('exit', () => reject(new Error(`etcd ended at ${endpoints[member]}:\n${log[member]}`)));
    });
    failed.catch(() => {});
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await Promise.race([failed, probe.range({ key: 'ready' })]);
          return;
        } catch (error) {
          if (!requireAnonymous && error instanceof CalicoError && error.code === 'PERMISSION') return;
          if (child.exitCode !== null || child.signalCode !== null || attempt > 300)
            throw await failedOr(failed, error);
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      }
    } finally {
      probe.close();
    }
  };

  const end = async (member: number) => {
    const child = children[member]!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  };

  const stop = async () => {
    await Promise.all(children.map((_, member) => end(member)));
    rmSync(root, { recursive: true, force: true });
  };
  try {
    for (let member = 0; member < count; member++) start(member);
    await Promise.all(children.map((_, member) => ready(member)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoints,
    client,
    kill: end,
    pause: (member) => void children[member]!.kill('SIGSTOP'),
    restart: async (member, { requireAnonymous = true } = {}) => {
      start(member);
      await ready(member, requireAnonymous);
    },
    stop,
  };
}

/** A CA and a certificate for an address, for server and client, in `directory`. */
export function makeCertificates(directory: string, address = '127.0.0.1'): TestCertificates {
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-subj',
    '/CN=test-ca',
    '-days',
    '30',
  );
  openssl('req', ...newKey, '-keyout', at('node.key'), '-out', at('node.csr'), '-subj', '/CN=node');
  writeFileSync(
    at('node.ext'),
    `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n`,
  );
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      at('node.csr'),
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
    ],
    ...['-out', at('node.crt'), '-days', '30', '-extfile', at('node.ext')],
  );
  return { ca: at('ca.crt'), cert: at('node.crt'), key: at('node.key') };
}

/** The material in the files, as the client takes it. */
export function readTls(files: TestCertificates): TlsOptions {
  const read = (file: string) => readFileSync(file, 'utf8');
  return { ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
}

async function failedOr(failed: Promise<never>, error: unknown): Promise<unknown> {
  return Promise.race([failed.catch((reason: unknown) => reason), Promise.resolve(error)]);
}

function reservePort(): Promise<Port> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      resolve({ port: address.port, release: () => new Promise((done) => server.close(() => done())) });
    });
  });
}
