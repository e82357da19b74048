/** Verdicts of a real Felix on real packets, against the evaluator and against kernels that we programmed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Corpus, Outcome } from '../corpus.ts';
import { isReplayable, KernelReplay, replayCase } from './kernel-replay.ts';
import { type RecordedCase, type RecordedGroup, type RecordedPacket, withLeftovers } from './recording.ts';
import { walk, worldOf } from './walk.ts';

/** The corpus. */
export const verdicts: Corpus = {
  name: 'verdicts',
  cases(folder) {
    const cases: Case[] = [];
    const kernelCases: Case[] = [];
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort()) {
      const { group, cases: recorded } = JSON.parse(
        readFileSync(join(folder, file), 'utf8'),
      ) as RecordedGroup;
      for (const one of withLeftovers(recorded)) {
        if (one.packets === undefined || one.packets.length === 0) continue;
        cases.push({ name: `${group}/${one.id}/evaluator`, run: () => evaluated(one) });
        for (const dataplane of ['nft', 'iptables'] as const) {
          const mine = one.packets.filter(
            (packet) => packet.result[dataplane] !== undefined && isReplayable(packet, one.id),
          );
          if (mine.length === 0) continue;
          kernelCases.push({
            name: `${group}/${one.id}/kernel-${dataplane}`,
            run: () => inKernel({ ...one, packets: mine }, dataplane),
          });
        }
      }
    }
    // One dataplane after the other, as they share the machine's one topology.
    kernelCases.sort((a, b) => Number(a.name.endsWith('nft')) - Number(b.name.endsWith('nft')));
    return [...cases, ...kernelCases];
  },
};

let replay: { readonly dataplane: 'nft' | 'iptables'; readonly kernel: KernelReplay } | undefined;

/** Programs the topology as the case says and sends its packets. Needs a network namespace of its own (isolated.mjs). */
async function inKernel(recorded: RecordedCase, dataplane: 'nft' | 'iptables'): Promise<Outcome> {
  if (process.getuid?.() !== 0)
    return { result: 'open', why: 'needs root in a network namespace of its own' };
  if (replay?.dataplane !== dataplane) {
    replay?.kernel.close();
    replay = { dataplane, kernel: new KernelReplay(dataplane) };
  }
  const observed = await replayCase(replay.kernel, recorded);
  const wrong: string[] = [];
  const reasons = new Set<string>();
  recorded.packets?.forEach((packet, i) => {
    const { verdict } = observed[i]!;
    const expected = packet.result[dataplane];
    if (verdict === expected) return;
    reasons.add(acceptedReason(recorded.id, packet) ?? '');
    wrong.push(`${describe(packet)}: ${verdict}, recorded ${expected}`);
  });
  return outcomeOf(wrong, reasons);
}

function outcomeOf(wrong: readonly string[], reasons: ReadonlySet<string>): Outcome {
  if (wrong.length === 0) return { result: 'agree' };
  const diff = wrong.join('\n');
  const [reason] = reasons;
  return reason && reasons.size === 1 ? { result: 'accepted', reason, diff } : { result: 'differ', diff };
}

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
  return outcomeOf(wrong, reasons);
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
