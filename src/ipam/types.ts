/** What callers of IPAM give and get. */
import type { CallOptions, Json, KeyValue, TxnStep } from '../datastore/index.ts';
import type { Cidr, IpVersion } from '../ip/index.ts';

/** What an address is for: a pool's `allowedUses` must list it. */
export type AddressUse = 'Workload' | 'Tunnel' | 'LoadBalancer';

/** Attributes kept beside an allocation (`secondary` in the block). */
export type Attributes = Readonly<Record<string, string>>;

/** An address that was given out. */
export interface AssignedAddress {
  /** Canonical text, without prefix. */
  readonly address: string;
  readonly version: IpVersion;
  /** The block it lies in, as text; its prefix length is the mask that calico-ipam answers with. */
  readonly block: string;
  readonly prefix: number;
  /** The block's sequence number at allocation; a release that names it cannot hit a later holder. */
  readonly sequence: bigint;
}

/**
 * Adds steps of the caller (a WorkloadEndpoint, the check that the datastore is ready) to the transaction that writes
 * block and handle. Called for every attempt with the addresses of that attempt; `current` holds what the caller's
 * steps of the attempt before found, if that attempt failed by one of them. `undefined` gives up: nothing is written.
 */
export type ExtraSteps = (
  addresses: readonly AssignedAddress[],
  current: readonly (KeyValue | undefined)[] | undefined,
) => readonly TxnStep[] | undefined;

/** A request for any free addresses. */
export interface AutoAssignRequest {
  readonly v4: number;
  readonly v6: number;
  /** Handle to hold them under. */
  readonly handle: string;
  readonly attributes?: Attributes;
  /** Node whose blocks serve (or a virtual owner: see `virtual`). */
  readonly host: string;
  /** Pools to take from, in this order, as CIDRs; their selectors are then ignored. Empty: all that select the node. */
  readonly v4Pools?: readonly string[];
  readonly v6Pools?: readonly string[];
  readonly use: AddressUse;
  /** Labels of the workload's namespace, for pools with a namespaceSelector. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** Limit of blocks for the host; the lower of this and the stored configuration's holds. */
  readonly maxBlocks?: number;
  /** The owner is no node: `virtual:<host>`, as the load-balancer controller's. */
  readonly virtual?: boolean;
  /**
   * What to do when the handle exists already: `add` more addresses to it (upstream), or `reuse` its addresses when
   * there are any (an ADD repeated after a lost reply then cannot allocate twice). `add`.
   */
  readonly existing?: 'add' | 'reuse';
  /** Write nothing unless every requested address can be given in one transaction. */
  readonly allOrNothing?: boolean;
  readonly extra?: ExtraSteps;
}

/** What became of one family of a request. */
export interface FamilyResult {
  readonly requested: number;
  readonly addresses: readonly AssignedAddress[];
  /** Why there are fewer than requested, in upstream's words. */
  readonly messages: readonly string[];
  /** The text with which upstream fails the whole call (limit of blocks, no block may be claimed), if it does. */
  readonly failure: string | undefined;
  /** For a person: pools, blocks, owners, and what could be borrowed. */
  readonly explanation: string | undefined;
}

/** Result of an automatic assignment. `refused`: the caller's extra steps gave up, and nothing was written. */
export interface AutoAssignResult {
  readonly v4: FamilyResult;
  readonly v6: FamilyResult;
  readonly reused: boolean;
  readonly refused: boolean;
}

/** A request for one named address. */
export interface AssignIpRequest {
  readonly address: string;
  readonly handle?: string;
  readonly attributes?: Attributes;
  readonly host: string;
  /** When given, the pool must allow it. */
  readonly use?: AddressUse;
  readonly extra?: ExtraSteps;
}

/** Result of a request for one address. */
export type AssignIpResult =
  | { readonly ok: true; readonly assigned: AssignedAddress }
  | {
      readonly ok: false;
      /** `not-in-pool`, `taken`, `not-ours` (strict affinity, block of another host), `refused` (extra steps). */
      readonly reason: 'not-in-pool' | 'taken' | 'not-ours' | 'refused';
      /** Upstream's text. */
      readonly message: string;
    };

/** An address to release; with a handle or a sequence number only if it is still held by that. */
export interface ReleaseRequest {
  readonly address: string;
  readonly handle?: string;
  readonly sequence?: bigint;
}

/** Result of a release by address. */
export interface ReleaseResult {
  readonly released: readonly string[];
  /** Were not allocated (or lie in no block): no error. */
  readonly unallocated: readonly string[];
  /**
   * Refused whole blocks: a handle or sequence number that does not match, in upstream's words. A sequence number is
   * compared even if the address is free by now.
   */
  readonly mismatches: readonly {
    readonly block: string;
    readonly address: string;
    readonly message: string;
  }[];
}

/** Result of a release by handle. */
export interface ReleaseByHandleResult {
  /** Whether the handle existed. */
  readonly found: boolean;
  readonly released: readonly string[];
  /** The caller's extra steps gave up. */
  readonly refused: boolean;
}

/** Who holds an address. */
export interface Allocation {
  readonly address: string;
  readonly block: string;
  readonly handle: string | undefined;
  readonly attributes: Attributes;
  readonly sequence: bigint;
}

/** IPAM's configuration, defaults filled in. */
export interface IpamConfig {
  readonly strictAffinity: boolean;
  readonly autoAllocateBlocks: boolean;
  /** 0: not set, which means 20. */
  readonly maxBlocksPerHost: number;
}

/** A pool as IPAM needs it, defaults filled in. */
export interface Pool {
  readonly name: string;
  readonly revision: string;
  readonly cidr: Cidr;
  readonly blockSize: number;
  readonly disabled: boolean;
  readonly nodeSelector: string;
  readonly namespaceSelector: string;
  readonly allowedUses: readonly AddressUse[];
  readonly automatic: boolean;
  readonly ipip: boolean;
  readonly vxlan: boolean;
}

/**
 * Where the allocator looks up what changes seldom. The default reads the datastore each time; calico-node gives one
 * fed by its syncer. What it says is checked in the transaction, so a stale answer costs a retry, never a wrong write.
 */
export interface IpamSource {
  /** All pools, in order of their names. */
  pools(options?: CallOptions): Promise<readonly Pool[]>;
  reservations(options?: CallOptions): Promise<readonly Cidr[]>;
  /** Labels of a node; `undefined` when there is no such node. */
  nodeLabels(name: string, options?: CallOptions): Promise<Readonly<Record<string, string>> | undefined>;
  /** `undefined` when none is stored. */
  config(options?: CallOptions): Promise<IpamConfig | undefined>;
  /** Called after a transaction that failed by what this source said. */
  refresh?(): void;
}

/** Options of `Ipam.setConfig`. */
export interface SetConfigOptions extends CallOptions {
  /** The document to start from when none is stored; by default what releases since 3.32 store. */
  readonly initial?: Readonly<Record<string, Json>>;
}

/** Outcome of giving up a block. */
export type ReleaseAffinityResult = 'released' | 'absent' | 'not-empty' | 'not-ours' | 'changed';

/** The allocator. Everything it writes is one transaction per decision, each safe against every other client. */
export interface Ipam {
  autoAssign(request: AutoAssignRequest, options?: CallOptions): Promise<AutoAssignResult>;
  assignIp(request: AssignIpRequest, options?: CallOptions): Promise<AssignIpResult>;
  releaseIps(requests: readonly ReleaseRequest[], options?: CallOptions): Promise<ReleaseResult>;
  releaseByHandle(
    handle: string,
    options?: CallOptions & { readonly extra?: ExtraSteps },
  ): Promise<ReleaseByHandleResult>;
  /** Addresses under a handle; `undefined` when there is no such handle. */
  addressesByHandle(handle: string, options?: CallOptions): Promise<readonly Allocation[] | undefined>;
  /** Who holds the address; `undefined` when nobody does. */
  allocationOf(address: string, options?: CallOptions): Promise<Allocation | undefined>;
  /** Makes every block of the CIDR belong to the host. @throws CalicoError INPUT when it fits no pool */
  claimAffinity(
    cidr: string,
    host: string,
    options?: CallOptions,
  ): Promise<{ readonly claimed: readonly string[]; readonly failed: readonly string[] }>;
  /** Gives up the host's blocks inside the CIDR. @throws CalicoError INPUT when it fits no pool */
  releaseAffinity(
    cidr: string,
    host: string,
    options?: CallOptions & { readonly mustBeEmpty?: boolean },
  ): Promise<ReadonlyMap<string, ReleaseAffinityResult>>;
  /** Gives up one block, whether or not a pool covers it. */
  releaseBlock(
    block: string,
    host: string,
    options?: CallOptions & { readonly mustBeEmpty?: boolean },
  ): Promise<ReleaseAffinityResult>;
  /** Gives up all blocks of the host. */
  releaseHostAffinities(
    host: string,
    options?: CallOptions & { readonly mustBeEmpty?: boolean },
  ): Promise<ReadonlyMap<string, ReleaseAffinityResult>>;
  /** Gives up all blocks of all hosts inside a pool (before the pool is deleted). */
  releasePoolAffinities(
    poolCidr: string,
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, ReleaseAffinityResult>>;
  /** Gives up the host's blocks and removes its marker; addresses stay allocated. */
  removeHost(host: string, options?: CallOptions): Promise<void>;
  /** Makes sure that the host has a block of each wanted family, without taking an address. */
  ensureBlock(
    host: string,
    request: Pick<AutoAssignRequest, 'use' | 'v4Pools' | 'v6Pools'> & {
      readonly v4: boolean;
      readonly v6: boolean;
    },
    options?: CallOptions,
  ): Promise<readonly string[]>;
  getConfig(options?: CallOptions): Promise<IpamConfig>;
  /** @throws CalicoError INPUT for combinations that are not allowed */
  setConfig(config: Partial<IpamConfig>, options?: SetConfigOptions): Promise<IpamConfig>;
}
