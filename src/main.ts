/** Picks the program from the name it was called by or from the first word; nothing else. */
import { basename } from 'node:path';

/** A program: gets its arguments, ends with an exit code. */
type Program = (argv: readonly string[]) => Promise<number>;

/** Programs by first word. Each is loaded only when it runs: start-up time is part of every CNI call. */
const programs: Readonly<Record<string, () => Promise<Program>>> = {
  ctl: async () => (await import('./calicoctl/program.ts')).program,
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
  const load = word === undefined ? undefined : programs[word];
  if (!load) {
    console.error(`usage: calico ${Object.keys(programs).join('|')} …`);
    return 2;
  }
  return (await load())(argv);
}

process.exitCode = await main();
