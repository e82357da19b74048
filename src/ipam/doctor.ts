/** `ipam doctor`: what is wrong with IPAM's data, each with its proof, and the plan that puts it right. Pure. */
import { formatCidr, type IpVersion } from '../ip/index.ts';
import type { AuditedAllocation, IpamState, UsedAddress } from './audit.ts';
import { audit, handleCount } from './audit.ts';
import { isEmpty, ownerHost } from './block.ts';
import { blockCount } from './candidates.ts';
import { poolForBlock } from './facts.ts';
import type { Pool } from './types.ts';

/** One step of a plan; each is a compare-and-swap and so harmless when the state has moved on. */
export type Repair =
  | {
      readonly action: 'release';
      readonly address: string;
      readonly handle: string | undefined;
      readonly sequence: bigint;
    }
  | { readonly action: 'delete-handle'; readonly id: string; readonly revision: string }
  | {
      readonly action: 'set-handle';
      readonly id: string;
      readonly blocks: ReadonlyMap<string, number>;
      readonly revision: string | undefined;
    }
  | { readonly action: 'release-block'; readonly host: string; readonly block: string }
  | { readonly action: 'claim-block'; readonly host: string; readonly block: string };

/** Something wrong. */
export interface Finding {
  readonly kind:
    | 'leaked'
    | 'double-use'
    | 'unallocated-use'
    | 'outside-pools'
    | 'empty-handle'
    | 'missing-handle'
    | 'wrong-handle'
    | 'half-claimed'
    | 'unclaimed-block'
    | 'gone-host'
    | 'broken';
  /** Address, handle or block. */
  readonly subject: string;
  /** Why it is so: the facts, one a line. */
  readonly proof: readonly string[];
  /** Empty: a person must decide. */
  readonly repairs: readonly Repair[];
  /** What to do when there is no repair. */
  readonly advice: string | undefined;
}

/** How full a pool is and when it will be. */
export interface PoolForecast {
  readonly pool: string;
  readonly cidr: string;
  readonly version: IpVersion;
  readonly addresses: bigint;
  readonly used: number;
  readonly blocks: bigint;
  readonly blocksClaimed: number;
  /** Addresses a day that came to stay, from the time stamps of the last week; `undefined` without stamps. */
  readonly growthPerDay: number | undefined;
  /** Days until no address is left at that rate. */
  readonly daysLeft: number | undefined;
  /** Hosts that can still get a block of their own. */
  readonly hostsLeft: bigint;
}

/** The report. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly forecasts: readonly PoolForecast[];
}

/** Milliseconds an allocation must have been unused before it is called leaked. */
const grace = 15 * 60_000;
const day = 24 * 3_600_000;

/** Examines the state. `now` in milliseconds. */
export function diagnose(state: IpamState, now: number): Diagnosis {
  const result = audit(state);
  const nodes = new Set(state.nodes.map((node) => node.metadata.name));
  const findings: Finding[] = [
    ...result.leaked.filter((allocation) => isOld(allocation, now)).map((one) => leaked(one, nodes, now)),
    ...result.multipleOwners.map(doubleUse),
    ...result.unallocated.map(unallocatedUse),
    ...result.outsidePools.map(outsidePools),
    ...result.emptyHandles.map(
      (handle): Finding => ({
        kind: 'empty-handle',
        subject: handle.id,
        proof: [
          'no block holds an address of it',
          ...[...handle.blocks].map(([block, count]) => `it says ${count} in ${block}`),
        ],
        repairs: [{ action: 'delete-handle', id: handle.id, revision: handle.revision }],
        advice: undefined,
      }),
    ),
    ...handleFindings(state),
    ...affinityFindings(state, nodes),
    ...state.broken.map(
      ({ path, reason }): Finding => ({
        kind: 'broken',
        subject: path,
        proof: [reason],
        repairs: [],
        advice: 'Look at the value with etcdctl and restore it from a backup, or delete the key.',
      }),
    ),
  ];
  return { findings, forecasts: state.pools.map((pool) => forecast(pool, state, result.allocations, now)) };
}

/** All repairs of a diagnosis, in the order to do them. */
export function repairPlan(diagnosis: Diagnosis): readonly Repair[] {
  const order = ['release', 'delete-handle', 'set-handle', 'claim-block', 'release-block'];
  return diagnosis.findings
    .flatMap((finding) => finding.repairs)
    .sort((a, b) => order.indexOf(a.action) - order.indexOf(b.action));
}

/** A repair as a line for a person. */
export function describeRepair(repair: Repair): string {
  switch (repair.action) {
    case 'release':
      return `release ${repair.address}${repair.handle === undefined ? '' : ` held by ${repair.handle}`}`;
    case 'delete-handle':
      return `delete the handle ${repair.id}`;
    case 'set-handle':
      return `let the handle ${repair.id} say ${[...repair.blocks].map(([block, count]) => `${count} in ${block}`).join(', ')}`;
    case 'release-block':
      return `take the block ${repair.block} from ${repair.host}`;
    case 'claim-block':
      return `give the block ${repair.block} its affinity key for ${repair.host}`;
  }
}

function leaked(allocation: AuditedAllocation, nodes: ReadonlySet<string>, now: number): Finding {
  const { address, handle, sequence, attributes, node } = allocation;
  const { pod, namespace, type } = attributes;
  const proof = [
    `block ${allocation.block} holds it${handle === undefined ? ' without a handle' : ` under handle ${handle}`}`,
    pod !== undefined
      ? `it was given to pod ${namespace}/${pod}, and no WorkloadEndpoint has it`
      : `no WorkloadEndpoint and no Node has it${type === undefined ? '' : ` (${type})`}`,
  ];
  if (node !== undefined)
    proof.push(nodes.has(node) ? `its node ${node} exists` : `its node ${node} is gone`);
  const age = ageOf(allocation, now);
  if (age !== undefined) proof.push(`it was given ${Math.round(age / 60_000)} minutes ago`);
  // Nothing says whose an address without pod, tunnel type or handle is: a person may have reserved it.
  const known = pod !== undefined || type !== undefined;
  return {
    kind: 'leaked',
    subject: address,
    proof,
    repairs: known ? [{ action: 'release', address, handle, sequence }] : [],
    advice: known ? undefined : `If nobody reserved it by hand: calicoctl ipam release --ip=${address}`,
  };
}

function doubleUse(used: UsedAddress): Finding {
  return {
    kind: 'double-use',
    subject: used.address,
    proof: used.owners.map((owner) => {
      const container = owner.resource?.spec['containerID'];
      return `${owner.name} has it${container === undefined ? '' : ` (container ${String(container)})`}`;
    }),
    repairs: [],
    advice: 'Delete all but one of these pods; each gets an address of its own when it is made again.',
  };
}

function unallocatedUse(used: UsedAddress): Finding {
  return {
    kind: 'unallocated-use',
    subject: used.address,
    proof: [
      ...used.owners.map((owner) => `${owner.name} has it`),
      'its block does not hold it: it may be given to another',
    ],
    repairs: [],
    advice:
      'Recreate the pod, or (with our calico-node running there) let it claim the address again at its start.',
  };
}

function outsidePools(used: UsedAddress): Finding {
  return {
    kind: 'outside-pools',
    subject: used.address,
    proof: [...used.owners.map((owner) => `${owner.name} has it`), 'no enabled pool covers it'],
    repairs: [],
    advice: 'Intended with ipAddrsNoIpam or after a pool was removed; else recreate the pod.',
  };
}

/** Handles that do not say what the blocks say. */
function handleFindings(state: IpamState): Finding[] {
  const actual = new Map<string, Map<string, number>>();
  for (const { block } of state.blocks) {
    for (const entry of block.attributes ?? []) {
      if (entry.handle === undefined) continue;
      const count = handleCount(block, entry.handle);
      if (count > 0) actual.set(entry.handle, (actual.get(entry.handle) ?? new Map()).set(block.text, count));
    }
  }
  const stored = new Map(state.handles.map((handle) => [handle.id, handle]));
  return [...actual].flatMap(([id, blocks]): Finding[] => {
    const handle = stored.get(id);
    const wrong = [...blocks].filter(([block, count]) => handle?.blocks.get(block) !== count);
    const extra = [...(handle?.blocks.keys() ?? [])].filter((block) => !blocks.has(block));
    if (wrong.length === 0 && extra.length === 0) return [];
    return [
      {
        kind: handle ? 'wrong-handle' : 'missing-handle',
        subject: id,
        proof: [
          ...wrong.map(
            ([block, count]) =>
              `block ${block} holds ${count}, the handle says ${handle?.blocks.get(block) ?? 'nothing'}`,
          ),
          ...extra.map((block) => `the handle names block ${block}, which holds none`),
        ],
        repairs: [{ action: 'set-handle', id, blocks, revision: handle?.revision }],
        advice: undefined,
      },
    ];
  });
}

/** Blocks and affinity keys that do not agree, and blocks of hosts that are gone. */
function affinityFindings(state: IpamState, nodes: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const blocks = new Map(state.blocks.map(({ block }) => [block.text, block]));
  const keys = new Set(state.affinities.map(({ host, block }) => `${host} ${block}`));
  for (const { host, block: text, state: affinity, virtual } of state.affinities) {
    if (virtual) continue;
    const block = blocks.get(text);
    const owner = block && ownerHost(block);
    if (block && owner === host && affinity === 'confirmed') continue;
    findings.push({
      kind: 'half-claimed',
      subject: text,
      proof: [
        `${host} has an affinity key in state ${affinity}`,
        block ? `the block belongs to ${block.affinity ?? 'nobody'}` : 'the block does not exist',
      ],
      repairs: [
        owner === host
          ? { action: 'claim-block', host, block: text }
          : { action: 'release-block', host, block: text },
      ],
      advice: undefined,
    });
  }
  for (const { block } of state.blocks) {
    const host = ownerHost(block);
    if (host === undefined) continue;
    if (!keys.has(`${host} ${block.text}`)) {
      findings.push({
        kind: 'unclaimed-block',
        subject: block.text,
        proof: [`the block belongs to ${host}`, `${host} has no affinity key for it and will not use it`],
        repairs: [{ action: 'claim-block', host, block: block.text }],
        advice: undefined,
      });
    } else if (!nodes.has(host)) {
      findings.push({
        kind: 'gone-host',
        subject: block.text,
        proof: [`the block belongs to ${host}`, `there is no Node ${host}`],
        repairs: [{ action: 'release-block', host, block: block.text }],
        advice: isEmpty(block) ? undefined : 'Its addresses stay allocated until they are released.',
      });
    }
  }
  return findings;
}

function forecast(
  pool: Pool,
  state: IpamState,
  allocations: readonly AuditedAllocation[],
  now: number,
): PoolForecast {
  const own = state.blocks.filter(({ block }) => poolForBlock([pool], block.text) !== undefined);
  const texts = new Set(own.map(({ block }) => block.text));
  const inside = allocations.filter((allocation) => texts.has(allocation.block));
  const addresses = 1n << BigInt((pool.cidr.version === 4 ? 32 : 128) - pool.cidr.prefix);
  const ages = inside.map((allocation) => ageOf(allocation, now)).filter((age) => age !== undefined);
  const growthPerDay = ages.length === 0 ? undefined : ages.filter((age) => age < 7 * day).length / 7;
  const free = addresses - BigInt(inside.length);
  return {
    pool: pool.name,
    cidr: formatCidr(pool.cidr),
    version: pool.cidr.version,
    addresses,
    used: inside.length,
    blocks: blockCount(pool),
    blocksClaimed: own.length,
    growthPerDay,
    daysLeft: growthPerDay === undefined || growthPerDay === 0 ? undefined : Number(free) / growthPerDay,
    hostsLeft: blockCount(pool) - BigInt(own.length),
  };
}

/** Milliseconds since the allocation, by its time stamp (`2006-01-02 15:04:05.999999999 +0000 UTC`). */
export function ageOf(allocation: Pick<AuditedAllocation, 'attributes'>, now: number): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)? \+0000 UTC$/.exec(
    allocation.attributes['timestamp'] ?? '',
  );
  return match ? now - Date.parse(`${match[1]}T${match[2]}Z`) : undefined;
}

function isOld(allocation: AuditedAllocation, now: number): boolean {
  const age = ageOf(allocation, now);
  return age === undefined || age >= grace;
}
