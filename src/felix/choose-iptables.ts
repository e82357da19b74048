/** Which of the kernel's two iptables the agent uses. Upstream: felix/environment/feature_detect_linux.go. */
import { existsSync } from 'node:fs';
import { type IptablesVariant, iptables } from '../linux/index.ts';
import type { FelixConfig } from './config/index.ts';

/** What a variant holds: iptables-save of the tables, or nothing where it does not work. */
export interface SavedTables {
  readonly nft?: { readonly mangle: string; readonly filter: string; readonly nat: string };
  readonly legacy?: { readonly mangle: string; readonly filter: string; readonly nat: string };
}

/** Chains by which the kubelet shows which variant it uses. */
const hint = /^:(KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY) /m;

/** Where kubelet left its hint; else where there are more rules; legacy when nothing tells, if it works. Pure. */
export function pickVariant(saved: SavedTables): IptablesVariant {
  if (!saved.nft) return 'legacy';
  if (!saved.legacy) return 'nft';
  if (hint.test(saved.nft.mangle)) return 'nft';
  if (hint.test(saved.legacy.mangle)) return 'legacy';
  return countRules(saved.nft) > countRules(saved.legacy) ? 'nft' : 'legacy';
}

/** A forced backend is followed; `auto` looks at what is there. */
export async function chooseIptables(backend: FelixConfig['IptablesBackend']): Promise<IptablesVariant> {
  if (backend !== 'auto') return backend;
  const nft = await saveAll('nft');
  // Listing legacy tables would load their modules: only look where they are loaded, or where nothing else works.
  const legacy = !nft || existsSync('/proc/net/ip_tables_names') ? await saveAll('legacy') : undefined;
  return pickVariant({ ...(nft ? { nft } : {}), ...(legacy ? { legacy } : {}) });
}

async function saveAll(variant: IptablesVariant): Promise<SavedTables['nft']> {
  const tables = iptables(4, variant);
  try {
    const [mangle, filter, nat] = [
      await tables.save('mangle'),
      await tables.save('filter'),
      await tables.save('nat'),
    ];
    return { mangle, filter, nat };
  } catch {
    // Not installed, or this kernel lacks it: then it is not the one.
    return undefined;
  }
}

function countRules(tables: NonNullable<SavedTables['nft']>): number {
  return Object.values(tables).reduce((sum, text) => sum + (text.match(/^-A /gm)?.length ?? 0), 0);
}
