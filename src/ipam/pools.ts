/** Pools: reading them, and which of them may serve a request (upstream: determinePools in lib/ipam/ipam.go). */
import type { KeyValue } from '../datastore/index.ts';
import { CalicoError } from '../errors.ts';
import {
  type Cidr,
  cidrContains,
  cidrCovers,
  formatCidr,
  type IpVersion,
  parseCidr,
  tryParseCidr,
} from '../ip/index.ts';
import { matchesLabels, parseSelector } from '../selector/index.ts';
import type { AddressUse, Pool } from './types.ts';

/** Reads a stored IPPool, defaults filled in; `undefined` when its CIDR cannot be read. */
export function parsePool(kv: KeyValue): Pool | undefined {
  if (kv.key.type !== 'resource' || typeof kv.value !== 'object' || kv.value === null) return undefined;
  const resource = kv.value as {
    readonly metadata?: { readonly deletionTimestamp?: unknown };
    readonly spec?: Readonly<Record<string, unknown>>;
    readonly status?: {
      readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
    };
  };
  const spec = resource.spec ?? {};
  const cidr = typeof spec['cidr'] === 'string' ? tryParseCidr(spec['cidr']) : undefined;
  if (!cidr) return undefined;
  const blockSize = Number(spec['blockSize'] ?? 0);
  const uses = Array.isArray(spec['allowedUses']) ? (spec['allowedUses'] as AddressUse[]) : [];
  const refused = (resource.status?.conditions ?? []).some(
    (condition) => condition.type === 'Allocatable' && condition.status === 'False',
  );
  return {
    name: kv.key.name,
    revision: kv.revision,
    cidr,
    blockSize: blockSize > 0 ? blockSize : cidr.version === 4 ? 26 : 122,
    disabled: spec['disabled'] === true || resource.metadata?.deletionTimestamp != null || refused,
    nodeSelector: text(spec['nodeSelector']),
    namespaceSelector: text(spec['namespaceSelector']),
    allowedUses: uses.length === 0 ? ['Workload', 'Tunnel'] : uses,
    automatic: text(spec['assignmentMode']) !== 'Manual',
    ipip: isOn(spec['ipipMode']),
    vxlan: isOn(spec['vxlanMode']),
  };
}

/** What decides which pools may serve. */
export interface PoolQuestion {
  readonly version: IpVersion;
  readonly requested: readonly string[];
  readonly host: string;
  /** Labels of the node; `undefined` for virtual owners, which every pool selects. */
  readonly nodeLabels: Readonly<Record<string, string>> | undefined;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly use: AddressUse;
}

/**
 * The pools that may serve, in the order to try them. Requested pools are taken as given, whatever they select.
 * @throws CalicoError INPUT when a requested pool does not exist, none selects the node, or none allows the use
 */
export function choosePools(all: readonly Pool[], question: PoolQuestion): readonly Pool[] {
  const enabled = all.filter((pool) => pool.cidr.version === question.version && !pool.disabled);
  if (enabled.length === 0) {
    if (question.requested.length > 0) throw missingPool(question.requested[0]!);
    throw unqualified('cannot find a qualified ippool');
  }
  const chosen =
    question.requested.length > 0
      ? question.requested.map((wanted) => {
          const cidr = parseCidr(wanted);
          const pool = enabled.find(
            (candidate) => candidate.cidr.value === cidr.value && candidate.cidr.prefix === cidr.prefix,
          );
          if (!pool) throw missingPool(wanted);
          return pool;
        })
      : enabled.filter((pool) => pool.automatic && selects(pool, question));
  if (chosen.length === 0) throw unqualified(`no configured Calico pools for node ${question.host}`);
  const usable = chosen.filter((pool) => pool.allowedUses.includes(question.use));
  if (usable.length === 0) {
    throw unqualified(`cannot find a qualified ippool, no pools match the required use (${question.use})`);
  }
  return usable;
}

/** Whether the pool's node selector picks a node with these labels. */
export function selectsNode(pool: Pool, labels: Readonly<Record<string, string>>): boolean {
  return matches(pool.nodeSelector, labels);
}

/** The pool that covers the block or address. */
export function poolOf(
  pools: readonly Pool[],
  target: Cidr | { readonly version: IpVersion; readonly value: bigint },
) {
  return pools.find((pool) =>
    'prefix' in target ? cidrCovers(pool.cidr, target) : cidrContains(pool.cidr, target),
  );
}

/** `[a b]`, as upstream prints the CIDRs of pools. */
export function formatPools(pools: readonly Pool[]): string {
  return `[${pools.map((pool) => formatCidr(pool.cidr)).join(' ')}]`;
}

function selects(pool: Pool, question: PoolQuestion): boolean {
  const byNode = question.nodeLabels === undefined || matches(pool.nodeSelector, question.nodeLabels);
  return byNode && matches(pool.namespaceSelector, question.namespaceLabels);
}

function matches(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return selector === '' || selector === 'all()' || matchesLabels(parseSelector(selector), labels);
}

function missingPool(wanted: string): CalicoError {
  return new CalicoError('INPUT', `the given pool (${wanted}) does not exist, or is not enabled`, {
    cure: 'Name the CIDR of an enabled IPPool; `calicoctl get ippool -o wide` lists them.',
  });
}

function unqualified(message: string): CalicoError {
  return new CalicoError('INPUT', message, {
    cure: 'Create or enable an IPPool whose node selector and allowed uses fit; `calicoctl get ippool -o wide` lists them.',
  });
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isOn(mode: unknown): boolean {
  return typeof mode === 'string' && mode !== '' && mode.toLowerCase() !== 'never';
}
