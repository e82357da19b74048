/** Configuration cases: sessions with their options, filters, static routes, kernel filter. */
import type { IpVersion } from '../../../src/ip/index.ts';
import type { Outcome } from '../corpus.ts';
import { compareFamily, type Difference, reasons, type Tolerance } from './compare.ts';
import { clusterOf, type OurNode, ourNodes } from './ours.ts';
import type { RecordedCase, RecordedFamily, RecordedNode } from './recorded.ts';

/** Replays a case. */
export function configurationCase(recorded: RecordedCase): Outcome {
  if (recorded.input.endpointStatus !== undefined)
    return { result: 'open', why: 'sessions to local workloads are not built' };
  const ours = ourNodes(recorded);
  const tolerance: Tolerance = {
    pools: [...clusterOf(recorded).pools.values()].map(({ cidr, encapsulation }) => ({
      cidr,
      encapsulated: encapsulation !== 'none',
    })),
    advertise: recorded.input.env?.['CALICO_ADVERTISE_CLUSTER_IPS'] !== undefined,
  };
  const differences = Object.entries(recorded.nodes).flatMap(([name, node]) =>
    compareNode(node, ours.get(name), tolerance).map((one) => ({ ...one, text: `${name}: ${one.text}` })),
  );
  return outcomeOf(differences);
}

/** Sums up: any difference without a reason counts. */
export function outcomeOf(differences: readonly Difference[]): Outcome {
  if (differences.length === 0) return { result: 'agree' };
  const diff = differences
    .map(({ text, reason }) => (reason === undefined ? text : `${text} (${reason})`))
    .join('\n');
  const reason = differences.find((one) => one.reason !== undefined)?.reason;
  return differences.some((one) => one.reason === undefined) || reason === undefined
    ? { result: 'differ', diff }
    : { result: 'accepted', reason, diff };
}

function compareNode(
  node: RecordedNode,
  ours: OurNode | undefined,
  tolerance: Tolerance,
): readonly Difference[] {
  if (!ours) return (node.exit ?? 0) === 0 ? [{ text: 'recorded, ours has no such node' }] : [];
  if ((node.exit ?? 0) !== 0) return [{ text: `upstream ended with ${node.exit}` }];
  if (node.unstable) {
    // Any of what upstream was seen to make is right.
    const all = node.variants!.map((variant) => compareBoth(variant, ours, tolerance));
    return all.sort((a, b) => a.length - b.length)[0]!;
  }
  return compareBoth(node, ours, tolerance);
}

function compareBoth(
  node: Pick<RecordedNode, 'ipv4' | 'ipv6'>,
  ours: OurNode,
  tolerance: Tolerance,
): readonly Difference[] {
  const family = (recorded: RecordedFamily | null, version: IpVersion): readonly Difference[] => {
    if (!recorded) return [];
    if (recorded.unreadable !== undefined) return [{ text: recorded.unreadable, reason: reasons.broken }];
    const differences = compareFamily(recorded, ours, version, tolerance);
    if (recorded.birdAccepts !== false) return differences;
    const reason = recorded.routerID === '' ? reasons.routerId : reasons.broken;
    return [
      { text: `IPv${version}: upstream's BIRD refuses the file`, reason },
      ...differences.map((one) => ({ reason, ...one })),
    ];
  };
  return [...family(node.ipv4, 4), ...family(node.ipv6, 6)];
}
