/** The plugins `calico` and `calico-ipam` as programs. */
import { readFileSync } from 'node:fs';
import { writeErr, writeOut } from '../output.ts';
import { callNode } from './client.ts';
import { supportedVersions } from './protocol/call.ts';
import type { CniReply, CniRequest } from './types.ts';

/** The release of Project Calico whose plugins these stand for. */
const calicoVersion = 'v3.32.1';

const defaultSocket = '/var/run/calico/cni.sock';

/** The network plugin. */
export function runCniPlugin(argv: readonly string[]): Promise<number> {
  return run('calico', argv);
}

/** The IPAM plugin. */
export function runCniIpam(argv: readonly string[]): Promise<number> {
  return run('calico-ipam', argv);
}

async function run(program: CniRequest['program'], argv: readonly string[]): Promise<number> {
  if (argv.includes('-v')) {
    writeOut(`${calicoVersion}\n`);
    return 0;
  }
  const isTest = argv.includes('-t');
  if (!isTest && !process.env['CNI_COMMAND']) {
    writeErr(
      `CNI plugin ${program} of calico-ts\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`,
    );
    return 0;
  }
  const request: CniRequest = { program, env: process.env, stdin: readFileSync(0, 'utf8') };
  const served = isTest ? undefined : await callNode(socketOf(request), request);
  if (served) {
    print(served);
    return served.exit;
  }
  const { serveDirectly, testDatastore } = await import('./direct.ts');
  const reply = await (isTest ? testDatastore(request) : serveDirectly(request, socketOf(request)));
  print(reply);
  // The runtime need not wait for the kernel's last grace periods.
  process.exit(reply.exit);
}

function print(reply: CniReply): void {
  writeErr(reply.stderr);
  writeOut(reply.stdout);
}

function socketOf({ env, stdin }: CniRequest): string {
  return env['CALICO_CNI_SOCKET'] || configuredSocket(stdin) || defaultSocket;
}

function configuredSocket(stdin: string): string | undefined {
  const match = /"calico_socket"\s*:\s*"([^"\\]+)"/.exec(stdin);
  return match?.[1];
}
