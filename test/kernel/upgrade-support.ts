/** An etcd that serves both APIs, and the compiled executable. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdClient } from '../../src/datastore/index.ts';
import { v2Store } from '../../src/upgrade/index.ts';

const root = join(import.meta.dirname, '..', '..');

/** A recorded v2 store: 127 keys. */
export const v2Dump = JSON.parse(
  readFileSync(join(root, 'test/golden/fixtures/upgrade/v2-dump.json'), 'utf8'),
) as Record<string, string>;

/** What a finished run of a program left. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
}

/** Builds the executable and links its names into a folder. */
export function buildPrograms(folder: string): string {
  execFileSync('node', [join(root, 'scripts/build.mjs'), '--quiet'], { stdio: 'pipe' });
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['calico', 'calico-upgrade', 'calicoctl'])
    symlinkSync(join(root, 'dist/calico'), join(bin, name));
  return bin;
}

/** Runs a program to its end. */
export function execute(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Finished {
  const { status, stdout, stderr } = spawnSync(program, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
  });
  return { code: status, stdout: `${stdout}${stderr}` };
}

/** Starts etcd with both APIs; with `tls`, clients need certificates, made in the folder as Kubespray names them. */
export async function startEtcd(options: { readonly tls?: boolean } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'calico-upgrade-'));
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:2379`;
  const files = options.tls ? makeCertificates(folder) : undefined;
  const etcd: ChildProcess = spawn(
    'etcd',
    [
      ...['--data-dir', join(folder, 'etcd'), '--enable-v2=true', '--unsafe-no-fsync'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...(files
        ? [
            '--client-cert-auth',
            '--trusted-ca-file',
            files.ca,
            '--cert-file',
            files.cert,
            '--key-file',
            files.key,
          ]
        : []),
    ],
    { stdio: 'ignore' },
  );
  const read = (path: string) => readFileSync(path, 'utf8');
  const tls = files && { ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
  const v1 = v2Store({ endpoints: [url], ...(tls ? { tls } : {}) });
  const v3 = new EtcdClient({ endpoints: [url], ...(tls ? { tls } : {}) });
  for (let attempt = 0; ; attempt++) {
    try {
      await v3.status({ timeout: 500 });
      break;
    } catch (error) {
      if (attempt > 50 || etcd.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const stop = () => {
    v3.close();
    etcd.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, url, v1, v3, stop, files };
}

function makeCertificates(folder: string): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
} {
  const certs = join(folder, 'certs');
  mkdirSync(certs);
  const at = (name: string) => join(certs, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.pem'),
    '-out',
    at('ca_cert.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=etcd-ca',
  );
  openssl('req', ...newKey, '-keyout', at('key.pem'), '-out', at('request'), '-subj', '/CN=node1');
  writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
  const signing = ['-CA', at('ca_cert.crt'), '-CAkey', at('ca.pem'), '-CAcreateserial', '-days', '2'];
  openssl(
    'x509',
    '-req',
    '-in',
    at('request'),
    ...signing,
    '-extfile',
    at('extensions'),
    '-out',
    at('cert.crt'),
  );
  return { ca: at('ca_cert.crt'), cert: at('cert.crt'), key: at('key.pem') };
}
