/**
 * The private files of a host: its own /etc, /var, /opt, /run and /usr/local, made of links to the machine's entries
 * and of what the plan asks for. Everything is below the host's folder in the state directory.
 */
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configFromEnvironment, defaultConfigFile } from '../../datastore/index.ts';
import type { ClusterPlan, HostPlan } from '../../kubespray/index.ts';
import { type Authority, issueCertificate } from '../certificates.ts';

/** Where the machine's own folder is seen inside a host, below its private /run. */
const machine = '/run/machine';

/** Folders that are a host's own; the value is its name in the host's folder. */
export const privateFolders: Readonly<Record<string, string>> = {
  '/etc': 'etc',
  '/var': 'var',
  '/opt': 'opt',
  '/usr/local': 'usr-local',
  '/run': 'run',
};

/** Entries of /etc that a host has for itself. */
const ownEntries = new Set(['calico', 'cni', 'kubernetes', 'hostname', 'hosts', 'ssl']);

/** Names under which the executable is installed. */
const programs = ['calico', 'calicoctl', 'calico-node', 'calico-upgrade'] as const;

/** What making a host's files needs. */
export interface HostFilesOptions {
  readonly root: string;
  readonly plan: ClusterPlan;
  readonly host: HostPlan;
  /** The executable, on the file system of the state directory. */
  readonly executable: string;
  readonly authority: Authority | undefined;
  readonly now: Date;
}

/** Makes the files. The folder is new. */
export function makeHostFiles(options: HostFilesOptions): void {
  const { root, plan, host, executable } = options;
  const at = (path: string) => hostPath(root, path);
  for (const folder of Object.values(privateFolders)) mkdirSync(join(root, folder), { recursive: true });
  linkEntries('/etc', at('/etc'), ownEntries);
  linkEntries('/etc/ssl', at('/etc/ssl'), new Set(['etcd']));
  linkEntries('/usr/local', at('/usr/local'), new Set(['bin', 'sbin']));
  linkEntries('/usr/local/bin', at('/usr/local/bin'), new Set([...programs, 'calicoctl.sh']));
  for (const path of [
    '/run/netns',
    '/run/calico',
    '/run/lock',
    `${machine}/etc`,
    `${machine}/usr-local`,
    '/etc/calico',
    '/etc/cni/net.d',
    '/etc/kubernetes',
    '/var/lib/calico',
    '/var/lib/cni',
    '/var/lib/etcd',
    '/var/log/calico',
    '/var/tmp',
    '/opt/cni/bin',
    plan.binDir,
  ])
    mkdirSync(at(path), { recursive: true });
  symlinkSync('/run', at('/var/run'));
  const names = plan.hosts.map(({ name, address }) => `${address} ${name} ${name}.${plan.clusterName}\n`);
  writeFileSync(at('/etc/hosts'), `127.0.0.1 localhost\n::1 localhost\n${names.join('')}`);
  writeFileSync(at('/etc/hostname'), `${host.name}\n`);
  for (const name of programs) linkSync(executable, at(join(plan.binDir, name)));
  for (const name of ['calico', 'calico-ipam']) linkSync(executable, at(`/opt/cni/bin/${name}`));
  linkCniPlugins(at('/opt/cni/bin'));
  if (options.authority) writeCertificates(options, options.authority);
  for (const file of host.files) {
    const path = at(file.path);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    if (file.kind === 'link') symlinkSync(file.target, path);
    else writeFileSync(path, file.content, { mode: file.mode });
  }
  const client = clientConfiguration(host);
  if (client !== undefined) writeFileSync(at(defaultConfigFile), client, { mode: 0o600 });
  writeFileSync(at('/etc/cni/net.d/calico-kubeconfig'), kubeconfig, { mode: 0o600 });
}

/**
 * What `calicoctl` and the programs of `calico` read by default, so that they answer on a host without the variables
 * that calicoctl.sh sets.
 */
function clientConfiguration(host: HostPlan): string | undefined {
  const spec = configFromEnvironment(
    Object.fromEntries(host.environment.map(({ name, value }) => [name, value])),
  );
  if (spec.etcdEndpoints === undefined) return undefined;
  const document = { apiVersion: 'projectcalico.org/v3', kind: 'CalicoAPIConfig', metadata: {}, spec };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Where a file of the host is, as the holder sees it. */
export function hostPath(root: string, path: string): string {
  const folder = Object.keys(privateFolders).find(
    (prefix) => path === prefix || path.startsWith(`${prefix}/`),
  );
  if (folder === undefined) return join(root, 'elsewhere', path);
  return join(root, privateFolders[folder]!, path.slice(folder.length));
}

/** Lines of mount's table for the host's mount namespace; `view` is the host's folder. */
export function mountTable(view: string): string {
  const bind = (source: string, target: string, how = 'bind') => `${source} ${target} none ${how} 0 0\n`;
  const run = join(view, privateFolders['/run']!);
  return [
    bind('/run/netns', join(run, 'netns'), 'rbind'),
    bind('/etc', join(run, 'machine/etc')),
    bind('/usr/local', join(run, 'machine/usr-local')),
    ...Object.entries(privateFolders)
      .filter(([path]) => path !== '/run')
      .map(([path, folder]) => bind(join(view, folder), path)),
    'sysfs /sys sysfs defaults 0 0\n',
    // Last: it hides the holder's own /run, where all the sources are.
    bind(run, '/run', 'rbind'),
  ].join('');
}

/** Links every entry of a folder of the machine, except those that the host has for itself. */
function linkEntries(source: string, target: string, except: ReadonlySet<string>): void {
  mkdirSync(target, { recursive: true });
  const seen = source.replace(/^\/usr\/local/, `${machine}/usr-local`).replace(/^\/etc/, `${machine}/etc`);
  if (!existsSync(source)) return;
  for (const entry of readdirSync(source)) {
    if (!except.has(entry)) symlinkSync(join(seen, entry), join(target, entry));
  }
}

/** Debian's plugins, which the chain of Kubespray's configuration names after ours. */
function linkCniPlugins(folder: string): void {
  const debian = '/usr/lib/cni';
  if (!existsSync(debian)) return;
  for (const name of readdirSync(debian)) {
    if (!existsSync(join(folder, name))) symlinkSync(join(debian, name), join(folder, name));
  }
}

/** Certificates under Kubespray's names; see roles/etcd/tasks/gen_certs_script.yml. */
function writeCertificates({ root, plan, host, now }: HostFilesOptions, authority: Authority): void {
  const folder = hostPath(root, etcdCertificates);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write('ca.pem', authority.certificate);
  const issue = (kind: string) => {
    const made = issueCertificate(
      authority,
      {
        commonName: `etcd-${kind}-${host.name}`,
        dnsNames: ['localhost', 'etcd', host.name, `${host.name}.${plan.clusterName}`],
        addresses: [host.address, host.accessAddress, '127.0.0.1'].filter(
          (one, i, all) => all.indexOf(one) === i,
        ),
      },
      now,
    );
    write(`${kind}-${host.name}.pem`, made.certificate);
    write(`${kind}-${host.name}-key.pem`, made.key);
  };
  issue('node');
  if (host.etcdMemberName !== null) issue('member');
  if (host.etcdMemberName !== null) issue('admin');
}

/** Where Kubespray keeps etcd's certificates. */
export const etcdCertificates = '/etc/ssl/etcd/ssl';

/** Where the lab's Kubernetes API listens on every host. */
export const kubernetesApiPort = 6443;

const kubeconfig = `${JSON.stringify(
  {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: `http://127.0.0.1:${kubernetesApiPort}` } }],
    users: [{ name: 'calico', user: {} }],
    contexts: [{ name: 'calico-context', context: { cluster: 'local', user: 'calico' } }],
    'current-context': 'calico-context',
  },
  null,
  2,
)}\n`;
