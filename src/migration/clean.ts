/** Removes the v2 data after an upgrade; shows what it would remove, and keeps a copy. */
import { clusterInformationPath, readJson, type StatusText, type UpgradeStores } from '../upgrade/index.ts';

/** What the clean-up needs. */
export interface CleanContext {
  readonly stores: UpgradeStores;
  readonly out: StatusText;
  /** The operator said yes. */
  readonly yes: boolean;
  /** Keeps a copy of the data and tells where. */
  readonly keep: (dump: Readonly<Record<string, string>>) => string;
}

/** Shows the plan; with `yes` deletes. Refused while v3 is not in use. Exit code. */
export async function clean({ stores, out, yes, keep }: CleanContext): Promise<number> {
  const dump = await stores.v1.read();
  const count = Object.keys(dump).length;
  if (count === 0) {
    out.line('There is no Calico v2 data.');
    return 0;
  }
  const information = await readJson(stores.v3, clusterInformationPath);
  if ((information?.['spec'] as { datastoreReady?: unknown } | undefined)?.datastoreReady !== true) {
    out.error('The v3 datastore is not in use: without its v2 data this cluster could not go back.');
    out.line('Finish the upgrade first: calico upgrade run');
    return 1;
  }
  out.line(`${count} keys below /calico in etcd v2 would be deleted:`);
  const groups = new Map<string, number>();
  for (const key of Object.keys(dump)) {
    const group = key.split('/').slice(0, 4).join('/');
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  for (const [group, members] of [...groups].sort()) out.bullet(`${group}: ${members}`);
  if (!yes) {
    out.line('Nothing was deleted. Say --yes to delete them.');
    return 1;
  }
  out.line(`A copy is in ${keep(dump)}`);
  await stores.v1.removeAll();
  out.line('Successfully deleted the Calico v2 data.');
  return 0;
}
