/** Verdicts of a real Felix on real packets, against the evaluator and against kernels that we programmed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Corpus, Outcome } from '../corpus.ts';
import { type RecordedCase, type RecordedGroup, type RecordedPacket, withLeftovers } from './recording.ts';
import { walk, worldOf } from './walk.ts';

/** The corpus. */
export const verdicts: Corpus = {
  name: 'verdicts',
  cases(folder) {
    const cases: Case[] = [];
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()) {
      const { group, cases: recorded } = JSON.parse(
        readFileSync(join(folder, file), 'utf8'),
      ) as RecordedGroup;
      for (const one of withLeftovers(recorded)) {
        if (one.packets === undefined || one.packets.length === 0) continue;
        cases.push({ name: `${group}/${one.id}/evaluator`, run: () => evaluated(one) });
      }
    }
    return cases;
  },
};

function evaluated(recorded: RecordedCase): Outcome {
  const wrong: string[] = [];
  const reasons = new Set<string>();
  for (const dataplane of ['nft', 'iptables'] as const) {
    const packets = (recorded.packets ?? []).filter((packet) => packet.result[dataplane] !== undefined);
    if (packets.length === 0) continue;
    const world = worldOf(recorded, dataplane);
    for (const packet of packets) {
      const { verdict, seen } = walk(world, packet);
      const expected = packet.result[dataplane];
      if (verdict !== expected) {
        reasons.add(acceptedReason(recorded.id, packet) ?? '');
        wrong.push(`${dataplane}: ${describe(packet)}: ${verdict}, recorded ${expected}`);
      } else if (packet.sourceSeen?.[dataplane] !== undefined && seen !== packet.sourceSeen[dataplane]) {
        wrong.push(
          `${dataplane}: ${describe(packet)}: source ${seen}, recorded ${packet.sourceSeen[dataplane]}`,
        );
      }
    }
  }
  if (wrong.length === 0) return { result: 'agree' };
  const diff = wrong.join('\n');
  const [reason] = reasons;
  return reason && reasons.size === 1 ? { result: 'accepted', reason, diff } : { result: 'differ', diff };
}

/** The heading of docs/differences.md for a packet whose recorded verdict we do not follow. */
export function acceptedReason(id: string, packet: RecordedPacket): string | undefined {
  const what = describe(packet);
  const misnamed = 'Verdicts: two recorded packets that are not as named';
  if (id === 'ipv6-off' && what === 'w1>host1 v6 tcp 8055') {
    return 'Verdicts: IPv6 switched off leaves no old rules';
  }
  if (id === 'source-and-dest-ports' && what === 'w1>w5 v4 tcp 8055') return misnamed;
  if (id === 'random-7-268' && what === 'w7>w6 v6 icmpv6 128/0') return misnamed;
  return undefined;
}

/** A packet in one line. */
export function describe(packet: RecordedPacket): string {
  const { from, to, v, proto, dport, type, code, conn, spoof, vxlanInner } = packet;
  const what = type === undefined ? (dport ?? '') : `${type}/${code ?? 0}`;
  return [
    `${from}>${to} v${v} ${proto} ${what}`,
    ...(conn === 'new' ? [] : [conn]),
    ...(spoof === undefined ? [] : [`spoof ${spoof}`]),
    ...(vxlanInner === undefined ? [] : [`vxlan ${vxlanInner.join('>')}`]),
  ].join(' ');
}
