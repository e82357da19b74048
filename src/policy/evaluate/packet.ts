/** A packet as rules see it. */
import type { IpVersion } from '../../ip/index.ts';

/** Addresses are canonical text; ports are absent for protocols without. */
export interface Packet {
  readonly version: IpVersion;
  readonly source: string;
  readonly destination: string;
  /** Protocol number. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** What connection tracking says of a packet. */
export type ConnectionState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';
