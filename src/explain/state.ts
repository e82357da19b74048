/** The cluster's resources, from files or from the datastore. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { connect, type KeyValue, loadConfig, type Query } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import type { Resource } from '../resources/index.ts';

/** What policy depends on. */
const kinds = [
  'ClusterInformation',
  'FelixConfiguration',
  'BGPConfiguration',
  'Tier',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'GlobalNetworkSet',
  'NetworkSet',
  'Profile',
  'Node',
  'IPPool',
  'HostEndpoint',
  'WorkloadEndpoint',
] as const;

/** Resources and IPAM blocks as the graph takes them. */
export async function loadState(from: string, config: string | undefined): Promise<readonly KeyValue[]> {
  return from === 'live' ? fromDatastore(config) : from.split(',').flatMap(fromFile);
}

async function fromDatastore(config: string | undefined): Promise<readonly KeyValue[]> {
  const store = await connect(await loadConfig({ file: config, env: process.env }));
  try {
    const queries: Query[] = [
      ...kinds.map((kind) => ({ type: 'resource' as const, kind })),
      { type: 'block' },
    ];
    const lists = await Promise.all(queries.map((query) => store.list(query)));
    return lists.flatMap(({ items }) => items);
  } finally {
    store.close();
  }
}

function fromFile(path: string): readonly KeyValue[] {
  const text = readFileSync(path === '-' ? 0 : path, 'utf8');
  const found: KeyValue[] = [];
  for (const document of parseAllDocuments(text)) {
    if ('errors' in document && document.errors[0]) {
      throw new CalicoError('INPUT', `${path}: ${document.errors[0].message}`);
    }
    const value: unknown = 'toJS' in document ? document.toJS() : undefined;
    for (const one of flatten(value)) {
      const { name, namespace } = one.metadata;
      const key = {
        type: 'resource' as const,
        kind: one.kind.replace(/List$/, ''),
        name,
        ...(namespace === undefined ? {} : { namespace }),
      };
      found.push({ key, value: one, revision: '0' });
    }
  }
  if (found.length === 0) {
    throw new CalicoError('INPUT', `${path} holds no resources`, {
      cure: 'Give a file as `calicoctl get … -o yaml` writes it; several files are separated by commas.',
    });
  }
  return found;
}

/** Lists and arrays hold resources; what has no kind and name is none. */
function flatten(value: unknown): readonly Resource[] {
  if (Array.isArray(value)) return value.flatMap(flatten);
  if (typeof value !== 'object' || value === null) return [];
  if ('items' in value) return flatten(value.items);
  const one = value as Resource;
  if (typeof one.kind !== 'string' || typeof one.metadata?.name !== 'string') return [];
  return [one.spec === undefined ? { ...one, spec: {} } : one];
}
