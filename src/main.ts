/** Picks the program from the name it was called by or from the first word; nothing else. */
import { basename } from 'node:path';
import { writeErr, writeOut } from './output.ts';

/** A program: gets its arguments, ends with an exit code. */
type Program = (argv: readonly string[]) => Promise<number>;

interface Entry {
  readonly about: string;
  /** Loaded only when it runs: start-up time is part of every CNI call. */
  readonly load: () => Promise<Program>;
}

/** Programs by first word. */
const programs: Readonly<Record<string, Entry>> = {
  ctl: {
    about: 'calicoctl: resources, node status, IPAM (see calico ctl --help)',
    load: async () => (await import('./calicoctl/program.ts')).program,
  },
  node: {
    about: 'calico-node: the agent of a host, its start-up and probes',
    load: async () => (await import('./node/index.ts')).nodeProgram,
  },
  cni: {
    about: 'the CNI plugin `calico` (also whenever CNI_COMMAND is set)',
    load: async () => (await import('./cni/program.ts')).runCniPlugin,
  },
  'cni-ipam': {
    about: 'the CNI IPAM plugin `calico-ipam`',
    load: async () => (await import('./cni/program.ts')).runCniIpam,
  },
  'kube-controllers': {
    about: 'calico-kube-controllers: copies for etcd, gone nodes, host endpoints, unused addresses',
    load: async () => (await import('./kube-controllers/program.ts')).kubeControllersProgram,
  },
  k8s: {
    about: 'manifests and custom resource definitions for Kubernetes, from an inventory',
    load: async () => (await import('./manifests/program.ts')).manifestsProgram,
  },
  upgrade: {
    about: 'calico-upgrade: from etcd v2 to etcd v3; run, rehearse, clean',
    load: async () => (await import('./migration/index.ts')).migrationProgram,
  },
  ipam: {
    about: 'address management: doctor (findings with proof, forecast, repairs)',
    load: async () => (await import('./ipam/program.ts')).ipamProgram,
  },
  lab: {
    about: 'the network of a Kubespray inventory on this machine, every part real',
    load: async () => (await import('./lab/program.ts')).labProgram,
  },
  plan: {
    about: 'what network a Kubespray inventory describes, whether it works, what a change would do',
    load: async () => (await import('./kubespray/program.ts')).planProgram,
  },
  bgp: {
    about: 'BGP of the whole cluster: status, what-if',
    load: async () => (await import('./bgp/program.ts')).bgpProgram,
  },
  explain: {
    about: 'what happens to a packet, and by which policy and rule',
    load: async () => (await import('./explain/program.ts')).explainProgram,
  },
  get: {
    about: 'policies of an endpoint (--policies), endpoints of a policy (--selected)',
    load: async () => (await import('./explain/program.ts')).getProgram,
  },
  backup: {
    about: 'backups of the datastore: create, list, verify, restore',
    load: async () => (await import('./backup/index.ts')).backupProgram,
  },
};

/** Names under which the executable is installed, and the program that each stands for. */
const names: Readonly<Record<string, string>> = {
  calicoctl: 'ctl',
  'calico-node': 'node',
  'calico-ipam': 'cni-ipam',
  'calico-upgrade': 'upgrade',
  'calico-kube-controllers': 'kube-controllers',
};

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  const called = names[basename(process.argv0)];
  const word = called ?? (process.env['CNI_COMMAND'] ? 'cni' : argv.shift());
  const entry = word === undefined ? undefined : programs[word];
  if (entry) return (await entry.load())(argv);
  const asked = word === undefined || /^(-h|--help|help)$/.test(word);
  const lines = Object.entries(programs).map(([name, { about }]) => `  ${name.padEnd(18)}${about}`);
  const text = `Usage: calico PROGRAM …\n\n${lines.join('\n')}\n\nEach has --help. The executable also acts by its name: ${Object.keys(names).join(', ')}.\n`;
  if (asked) writeOut(text);
  else writeErr(`calico: there is no program "${word}"\n\n${text}`);
  return asked ? 0 : 2;
}

process.exitCode = await main();
