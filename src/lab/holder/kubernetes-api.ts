/** What the CNI plugin asks of Kubernetes, answered for the lab's pods: the objects of pods and of their namespace. */
import { createServer, type Server } from 'node:http';
import { kubernetesApiPort } from './host-files.ts';
import type { Machine } from './machine.ts';

/** A pod's object, as far as the plugin reads it. */
export interface PodObject {
  readonly name: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Namespace of all of the lab's pods. */
export const podNamespace = 'default';

/** Serves on the loopback of a machine. The socket is made there; it is served from here. */
export function serveKubernetes(machine: Machine, pod: (name: string) => PodObject | undefined): Server {
  const server = createServer((request, response) => {
    const found = answer(request.url ?? '', pod);
    response.statusCode = found ? 200 : 404;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(found ?? status(request.url ?? '')));
  });
  machine.network.run(() => server.listen(kubernetesApiPort, '127.0.0.1'));
  return server;
}

function answer(url: string, pod: (name: string) => PodObject | undefined): object | undefined {
  const match = /^\/api\/v1\/namespaces\/([^/]+)(?:\/pods\/([^/]+))?$/.exec(url);
  if (match?.[1] !== podNamespace) return undefined;
  const name = match[2];
  if (name === undefined) {
    const labels = { 'kubernetes.io/metadata.name': podNamespace };
    return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: podNamespace, labels } };
  }
  const found = pod(name);
  return (
    found && {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: podNamespace, labels: found.labels },
      spec: { nodeName: found.node, serviceAccountName: 'default', containers: [{ name: 'main' }] },
    }
  );
}

function status(url: string): object {
  return { apiVersion: 'v1', kind: 'Status', code: 404, reason: 'NotFound', message: `${url} not found` };
}
