import { expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kindInfo } from '../resources/index.ts';
import { customResourceDefinitions } from './crd.ts';
import { manifestObjects } from './objects.ts';
import { packagingFiles } from './packaging.ts';

const folder = join(import.meta.dirname, '../../packaging/kubernetes');

test('packaging/kubernetes is what the schemas say (UPDATE_PACKAGING=1 writes it)', () => {
  for (const [path, text] of packagingFiles()) {
    const file = join(folder, path);
    if (process.env['UPDATE_PACKAGING']) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    expect({ path, same: readFileSync(file, 'utf8') === text }).toEqual({ path, same: true });
  }
});

test('every definition is structural: each node has a type or keeps what it holds', () => {
  const offences: string[] = [];
  const look = (node: unknown, path: string) => {
    if (typeof node !== 'object' || node === null) return;
    const { type, properties, items, additionalProperties, ...rest } = node as Record<string, unknown>;
    const open = rest['x-kubernetes-preserve-unknown-fields'] || rest['x-kubernetes-int-or-string'];
    if (type === undefined && !open) offences.push(path);
    for (const [name, child] of Object.entries(properties ?? {})) look(child, `${path}.${name}`);
    look(items, `${path}[]`);
    look(additionalProperties, `${path}{}`);
  };
  for (const one of customResourceDefinitions()) {
    const { names, versions } = one['spec'] as {
      readonly names: { readonly kind: string; readonly plural: string };
      readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: unknown } }[];
    };
    look(versions[0]!.schema.openAPIV3Schema, names.kind);
    const info = kindInfo(names.kind);
    if (info) expect(names.plural).toBe(info.plural);
  }
  expect(offences).toEqual([]);
});

test('with etcd no account may touch a custom resource', () => {
  const objects = manifestObjects({
    datastore: 'etcd',
    image: 'i',
    nodeEnvironment: [],
    cniNetworkConfig: '{}',
    etcdEndpoints: 'https://10.0.0.1:2379',
    etcdCertificates: '/etc/calico/certs',
  });
  const text = JSON.stringify(objects);
  expect(text).not.toContain('crd.projectcalico.org');
  expect(text).toContain('/etc/calico/certs/ca_cert.crt');
});
