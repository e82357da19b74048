/** Rooms import lower floors only, and only through their doors. */
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const source = import.meta.dirname;

/** Floor of each room; rooms of one floor may not import each other unless listed below. */
const floors: Readonly<Record<string, number>> = {
  ip: 1,
  selector: 1,
  resources: 2,
  linux: 2,
  'kubernetes-api': 2,
  datastore: 3,
  ipam: 4,
  policy: 4,
  bgp: 4,
  felix: 5,
  cni: 5,
  node: 6,
  upgrade: 6,
  kubespray: 6,
  'kube-controllers': 6,
  backup: 6,
  calicoctl: 7,
  lab: 7,
  deploy: 7,
  manifests: 7,
  explain: 7,
  migration: 7,
};

/** Imports between rooms of one floor that the design allows. */
const sideways = new Set<string>();

/**
 * Doors besides `index.ts`: types that are imported without what implements them, and what is loaded alone because
 * start-up time counts.
 */
const doors = /\/(index|program|port|syncer\.types|resource|dataplane|connect|config|paths)\.ts$/;

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (path.endsWith('.ts') && !path.endsWith('.test.ts')) yield path;
  }
}

const roomOf = (path: string) => {
  const parts = relative(source, path).split('/');
  return parts.length > 1 ? parts[0]! : '';
};

test('rooms import lower floors only, through their doors', () => {
  const offences: string[] = [];
  for (const file of files(source)) {
    const room = roomOf(file);
    if (room === '') continue;
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const path = resolve(dirname(file), target!);
      const other = roomOf(path);
      if (other === room || other === '') continue;
      const from = floors[room];
      const to = floors[other];
      const offence = `${relative(source, file)} imports ${relative(source, path)}`;
      if (from === undefined || to === undefined) offences.push(`${offence}: a room without a floor`);
      else if (to >= from && !sideways.has(`${room}→${other}`))
        offences.push(`${offence}: floor ${from} → ${to}`);
      else if (!doors.test(path)) offences.push(`${offence}: not a door`);
    }
  }
  expect(offences).toEqual([]);
});
