/** Compares what v2 data describes with what the converted data does: endpoints, verdicts, BGP, blocks. Nothing is written. */
import {
  convertedItems,
  convertIpam,
  convertTree,
  problemOf,
  treeOf,
  type V2Dump,
} from '../../upgrade/index.ts';
import { compareBgp } from './compare-bgp.ts';
import { compareIpam } from './compare-ipam.ts';
import { compareVerdicts } from './compare-verdicts.ts';
import { recreatedItems } from './recreated.ts';
import { V2Network } from './v2-network.ts';
import { openV3 } from './v3-network.ts';

/** One thing that is not the same after the upgrade. */
export interface Deviation {
  readonly about: 'conversion' | 'endpoint' | 'policy' | 'session' | 'address' | 'pool';
  readonly text: string;
  /** The v2 objects that cause it. */
  readonly because: readonly string[];
  /** How many others show the same. */
  readonly more: number;
}

/** What was compared, and what differs. */
export interface Rehearsal {
  readonly deviations: readonly Deviation[];
  readonly compared: {
    readonly endpoints: number;
    readonly verdicts: number;
    readonly sessions: number;
    readonly blocks: number;
  };
  /** What the comparison takes for granted. */
  readonly assumptions: readonly string[];
}

/** Rehearses on a copy of the v2 data; `items` are for tests that alter the conversion. */
export async function rehearse(
  dump: V2Dump,
  items: ReadonlyMap<string, unknown> = convertedItems(dump),
): Promise<Rehearsal> {
  const v2 = new V2Network(dump);
  const again = recreatedItems(dump);
  const v3 = await openV3(new Map([...items, ...again]));
  const conversion = conversionDeviations(dump);
  const verdicts = compareVerdicts(v2, v3);
  const sessions = await compareBgp(dump, v3.store);
  const blocks = await compareIpam(dump, v3.store);
  return {
    deviations: [
      ...conversion,
      ...v3.problems.map((text): Deviation => ({ about: 'policy', text, because: [], more: 0 })),
      ...verdicts.deviations,
      ...sessions.deviations,
      ...blocks.deviations,
    ],
    compared: {
      endpoints: verdicts.endpoints,
      verdicts: verdicts.count,
      sessions: sessions.count,
      blocks: blocks.count,
    },
    assumptions: [
      ...(again.size > 0
        ? [`kube-controllers of v3 makes ${again.size} profiles of namespaces and NetworkPolicies again`]
        : []),
      ...(v2.endpoints.some(({ key }) => key.includes('/workload/openstack/'))
        ? ['Neutron makes its endpoints again; they are not compared']
        : []),
    ],
  };
}

/** What `dry-run` would report. */
function conversionDeviations(dump: V2Dump): readonly Deviation[] {
  const tree = treeOf(dump);
  const conversion = convertTree(tree, problemOf);
  const one = (v1: string, text: string): Deviation => ({
    about: 'conversion',
    text: `${v1}: ${text}`,
    because: [v1],
    more: 0,
  });
  return [
    ...(conversion.fatal === undefined ? [] : [one('/calico/bgp/v1/global/as_num', conversion.fatal)]),
    ...[...conversion.conversionErrors, ...convertIpam(tree).errors].map(({ v1, cause }) => one(v1, cause)),
    ...conversion.nameClashes.map(({ v1, other, v3 }) => one(v1, `becomes ${v3}, as ${other} does`)),
    ...conversion.validationErrors.map(({ v1, error }) => one(v1, error.trimEnd())),
  ];
}
