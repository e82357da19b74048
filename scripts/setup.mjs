// Installs what the project needs and is missing: Debian packages, then npm packages. Idempotent; the second
// run only compares two stamps.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bunPath, root } from './toolchain.mjs';

/** Debian packages, each with one file by which its presence is known without asking dpkg. */
const packages = {
  'etcd-server': '/usr/bin/etcd',
  'etcd-client': '/usr/bin/etcdctl',
  bird2: '/usr/sbin/bird',
  nftables: '/usr/sbin/nft',
  iptables: '/usr/sbin/iptables',
  ipset: '/usr/sbin/ipset',
  iproute2: '/usr/sbin/bridge',
  conntrack: '/usr/sbin/conntrack',
  'iputils-ping': '/usr/bin/ping',
  tcpdump: '/usr/bin/tcpdump',
  iperf3: '/usr/bin/iperf3',
  procps: '/usr/bin/pgrep',
  kmod: '/usr/bin/kmod',
  frr: '/usr/lib/frr/bgpd',
  gobgpd: '/usr/bin/gobgpd',
  'ansible-core': '/usr/bin/ansible-inventory',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  'user-mode-linux': '/usr/bin/linux.uml',
  jq: '/usr/bin/jq',
};

const quiet = process.argv.includes('--quiet');
const say = (text) => console.error(`setup: ${text}`);

function fail(text, cure) {
  say(text);
  console.error(`       ${cure}`);
  process.exit(1);
}

function aptInstall(missing) {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    fail(
      `these programs' Debian packages are missing: ${missing.join(', ')}`,
      'This is neither Debian nor Ubuntu: install them by your own package manager.',
    );
  }
  if (process.getuid() !== 0)
    fail(`missing Debian packages: ${missing.join(', ')}`, `Run as root: ${command}`);
  say(`installing Debian packages: ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (args) =>
    spawnSync('apt-get', args, {
      env,
      stdio: quiet ? ['ignore', 'ignore', 'inherit'] : ['ignore', 'inherit', 'inherit'],
    });
  if (apt(['update']).status !== 0)
    fail('apt-get update failed (is there a network?)', `When there is one, run: ${command}`);
  // One by one, so that the name of each is shown and one that cannot be had does not hide the others.
  for (const [index, name] of missing.entries()) {
    say(`  ${index + 1}/${missing.length} ${name}`);
    if (apt(['install', '-y', '--no-install-recommends', name]).status !== 0) {
      fail(`apt-get could not install ${name}`, `Run, and read what it says: apt-get install ${name}`);
    }
  }
}

const missing = Object.entries(packages)
  .filter(([, file]) => !existsSync(file))
  .map(([name]) => name);
if (missing.length > 0) aptInstall(missing);

const stampFile = join(root, 'node_modules', '.calico-setup');
const stamp = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  say('installing npm packages');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: root,
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
  if (npm.status !== 0)
    fail('npm ci failed (is the npm registry reachable?)', `When it is, run: npm ci --prefix ${root}`);
  try {
    execFileSync(bunPath(), ['--version'], { stdio: 'ignore' });
  } catch (error) {
    fail(
      `the Bun executable from npm does not run: ${error.message}`,
      'Bun needs Linux on x86-64 or arm64 with glibc.',
    );
  }
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stampFile, stamp);
}
if (!quiet) say('everything is in place');
