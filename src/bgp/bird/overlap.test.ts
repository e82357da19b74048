import { expect, test } from 'bun:test';
import type { BgpProtocol, BirdConfig } from './ast.ts';
import { SessionOverlap } from './overlap.ts';

function protocol(name: string, neighbor: string): BgpProtocol {
  return {
    name,
    version: 4,
    neighbor,
    port: 179,
    peerAS: 64512,
    passive: false,
    nextHop: 'auto',
    import: [{ kind: 'call', name: 'in' }],
    export: [],
  };
}

function config(protocols: readonly BgpProtocol[], localAS = 64512): BirdConfig {
  return {
    routerId: '10.0.0.1',
    functions: protocols.length > 0 ? [{ name: 'in', takesSameAs: false, body: [] }] : [],
    families: [],
    directInterfaces: ['*'],
    template: { debug: undefined, localAS, listenPort: undefined, strictBind: false },
    protocols,
  };
}

const names = ({ config: { protocols } }: { readonly config: BirdConfig }) =>
  protocols.map(({ name }) => name);
const yes = () => true;
const mesh = config([protocol('Mesh_b', 'b'), protocol('Mesh_c', 'c')]);
const reflected = config([protocol('Node_r', 'r')]);

test('sessions that end stay for their time, as they were, with what they call', () => {
  const overlap = new SessionOverlap(1000);
  expect(overlap.extend(mesh, yes, 0)).toEqual({ config: mesh, next: undefined });
  const during = overlap.extend(reflected, yes, 100);
  expect(names(during)).toEqual(['Mesh_b', 'Mesh_c', 'Node_r']);
  expect(during.config.protocols[0]).toBe(mesh.protocols[0]!);
  expect(during.next).toBe(1100);
  expect(names(overlap.extend(config([]), yes, 1099))).toEqual(['Mesh_b', 'Mesh_c', 'Node_r']);
  const after = overlap.extend(config([]), yes, 1100);
  expect(names(after)).toEqual(['Node_r']);
  expect(after.config.functions.map(({ name }) => name)).toEqual(['in']);
  expect(overlap.extend(config([]), yes, 2099)).toEqual({ config: config([]), next: undefined });
});

test('one that comes back is no longer ending', () => {
  const overlap = new SessionOverlap(1000);
  overlap.extend(mesh, yes, 0);
  overlap.extend(reflected, yes, 100);
  const { config: again, next } = overlap.extend(mesh, yes, 200);
  expect(again.protocols.map(({ name }) => name)).toEqual(['Mesh_b', 'Mesh_c', 'Node_r']);
  expect(next).toBe(1200);
});

test('an address has one session; another AS number and unknown hosts end at once', () => {
  const overlap = new SessionOverlap(1000);
  overlap.extend(mesh, yes, 0);
  expect(names(overlap.extend(config([protocol('Node_b', 'b')]), yes, 1))).toEqual(['Mesh_c', 'Node_b']);
  expect(names(overlap.extend(config([], 65000), yes, 2))).toEqual([]);
  overlap.extend(mesh, yes, 3);
  expect(names(overlap.extend(config([]), ({ neighbor }) => neighbor === 'c', 4))).toEqual(['Mesh_c']);
});
