/** The evaluator against a kernel, on random states and packets; what differs is made small before it is shown. */
import type { Resource } from '../../../src/resources/resource.ts';
import { describe } from '../../golden/verdicts/index.ts';
import { KernelReplay } from '../../golden/verdicts/kernel-replay.ts';
import { type RecordedPacket, storedResources, type Verdict } from '../../golden/verdicts/recording.ts';
import { walk, worldOf } from '../../golden/verdicts/walk.ts';
import { Random } from '../../support/random.ts';
import { randomPacket, randomState } from './random-state.ts';

/** How much to try. */
export interface DifferentialOptions {
  readonly dataplane: 'nft' | 'iptables';
  /** Of iptables; legacy without it. */
  readonly variant?: 'legacy' | 'nft';
  readonly seed: number;
  readonly states: number;
  readonly packetsPerState: number;
  readonly onProgress?: (verdicts: number) => void;
}

/** A packet on which they differ, with as little around it as keeps them different. */
export interface Difference {
  readonly seed: number;
  readonly packet: string;
  readonly evaluator: Verdict;
  readonly kernel: Verdict;
  readonly resources: readonly Resource[];
}

/** What came of it. */
export interface DifferentialResult {
  readonly verdicts: number;
  readonly allowed: number;
  readonly differences: readonly Difference[];
}

/** Runs; needs the namespaces of scripts/isolated.mjs. Stops at the third difference. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialResult> {
  const { dataplane } = options;
  const replay = new KernelReplay(dataplane, options.variant);
  const differences: Difference[] = [];
  let verdicts = 0;
  let allowed = 0;
  try {
    for (let i = 0; i < options.states && differences.length < 3; i++) {
      const seed = options.seed + i;
      const random = new Random(seed);
      const resources = randomState(random);
      const packets = random.list(options.packetsPerState, () => randomPacket(random));
      const [expected, observed] = await verdictsOf(replay, resources, packets, dataplane);
      for (const [at, packet] of packets.entries()) {
        verdicts++;
        if (expected[at] === 'allow') allowed++;
        if (expected[at] === observed[at]) continue;
        differences.push(await shrink(replay, seed, resources, packet, dataplane));
        break;
      }
      options.onProgress?.(verdicts);
    }
  } finally {
    replay.close();
  }
  return { verdicts, allowed, differences };
}

async function verdictsOf(
  replay: KernelReplay,
  resources: readonly Resource[],
  packets: readonly RecordedPacket[],
  dataplane: 'nft' | 'iptables',
): Promise<readonly [readonly Verdict[], readonly Verdict[]]> {
  const world = worldOf({ id: 'random', about: '', resources }, dataplane);
  const expected = packets.map((packet) => walk(world, packet).verdict);
  await replay.program(storedResources(resources));
  const observed = await replay.send(packets);
  return [expected, observed.map(({ verdict }) => verdict)];
}

/** Takes away resources, then rules, as long as the two still differ. */
async function shrink(
  replay: KernelReplay,
  seed: number,
  resources: readonly Resource[],
  packet: RecordedPacket,
  dataplane: 'nft' | 'iptables',
): Promise<Difference> {
  let smallest = resources;
  let [[evaluator = 'drop'], [kernel = 'drop']] = await verdictsOf(replay, smallest, [packet], dataplane);
  for (let again = true; again; ) {
    again = false;
    for (const candidate of smaller(smallest)) {
      const [[e = 'drop'], [k = 'drop']] = await verdictsOf(replay, candidate, [packet], dataplane);
      if (e === k) continue;
      smallest = candidate;
      evaluator = e;
      kernel = k;
      again = true;
      break;
    }
  }
  return { seed, packet: describe(packet), evaluator, kernel, resources: smallest };
}

function* smaller(resources: readonly Resource[]): Generator<readonly Resource[]> {
  for (let i = 0; i < resources.length; i++) yield resources.filter((_, at) => at !== i);
  for (const [i, one] of resources.entries()) {
    for (const field of ['ingress', 'egress']) {
      const rules = one.spec[field] as readonly object[] | undefined;
      for (let r = 0; r < (rules?.length ?? 0); r++) {
        const spec = { ...one.spec, [field]: rules!.filter((_, at) => at !== r) };
        yield resources.map((other, at) => (at === i ? { ...other, spec } : other));
      }
    }
  }
}
