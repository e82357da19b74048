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
  const reply = isTest ? await (await import('./direct.ts')).testDatastore(request) : await serve(request);
  writeErr(reply.stderr);
  writeOut(reply.stdout);
  return reply.exit;
}

async function serve(request: CniRequest): Promise<CniReply> {
  const socket = process.env['CALICO_CNI_SOCKET'] || configuredSocket(request.stdin) || defaultSocket;
  const reply = await callNode(socket, request);
  return reply ?? (await import('./direct.ts')).serveDirectly(request);
}

function configuredSocket(stdin: string): string | undefined {
  const match = /"calico_socket"\s*:\s*"([^"\\]+)"/.exec(stdin);
  return match?.[1];
}
