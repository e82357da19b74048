/** The report that `ipam check` writes and `ipam release` reads. */

/** One allocated address. */
export interface ReportAllocation {
  readonly ip: string;
  readonly handle?: string;
  readonly sequenceNumber: number | bigint;
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  readonly type?: string;
  readonly creationTimestamp?: string;
  readonly inUse: boolean;
  readonly borrowed?: boolean;
  readonly owners: readonly string[] | null;
}

/** A handle that no address has. */
export interface LeakedHandle {
  readonly ID: string;
  readonly UID: string | null;
  readonly Revision: string;
}

/** See the module's comment. */
export interface IpamReport {
  readonly version: string;
  readonly clusterGUID: string;
  readonly datastoreLocked: boolean;
  readonly clusterInformationRevision: string;
  readonly clusterType: string;
  readonly allocations: Readonly<Record<string, readonly ReportAllocation[]>>;
  readonly leakedHandles?: readonly LeakedHandle[];
}
