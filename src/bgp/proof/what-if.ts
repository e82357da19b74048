/** Changes to a model, and what they cost. */
import type { Loss, ModelSession, ReachabilityModel } from './model.ts';
import { proveReachability } from './prove.ts';

/** A change that needs no recomputation of sessions. */
export type Removal =
  | { readonly kind: 'speaker'; readonly name: string }
  | { readonly kind: 'session'; readonly a: string; readonly b: string };

/** The model without something. */
export function without(model: ReachabilityModel, removal: Removal): ReachabilityModel {
  if (removal.kind === 'speaker') {
    const { name } = removal;
    return {
      speakers: model.speakers.filter((one) => one.name !== name),
      sessions: model.sessions.filter(({ a, b }) => a !== name && b !== name),
    };
  }
  const joins = ({ a, b }: ModelSession) =>
    (a === removal.a && b === removal.b) || (a === removal.b && b === removal.a);
  return { ...model, sessions: model.sessions.filter((one) => !joins(one)) };
}

/** What a change does. Lost routes that were lost before are not counted. */
export interface WhatIf {
  readonly before: readonly Loss[];
  readonly after: readonly Loss[];
  /** Receivers that are worse off, with how many originators they lose. */
  readonly lost: readonly Loss[];
  /** Receivers that are better off. */
  readonly gained: readonly { readonly receiver: string; readonly more: number }[];
  readonly sessionsBefore: number;
  readonly sessionsAfter: number;
}

/** Compares two models of one cluster. */
export function whatIf(before: ReachabilityModel, after: ReachabilityModel): WhatIf {
  const [old, now] = [proveReachability(before).losses, proveReachability(after).losses];
  const missing = (losses: readonly Loss[]) => new Map(losses.map((one) => [one.receiver, one.missing]));
  const [oldMissing, nowMissing] = [missing(old), missing(now)];
  const alive = new Set(after.speakers.map(({ name }) => name));
  const gone = new Set(
    before.speakers.filter((one) => one.originates && !alive.has(one.name)).map((one) => one.name),
  );
  return {
    before: old,
    after: now,
    lost: now
      .map((one) => ({ ...one, missing: one.missing - (oldMissing.get(one.receiver) ?? 0) }))
      .filter((one) => one.missing > 0),
    gained: old
      .filter((one) => alive.has(one.receiver))
      // What a removed host announced is no gain.
      .map((one) => ({
        receiver: one.receiver,
        more: one.missing - gone.size - (nowMissing.get(one.receiver) ?? 0),
      }))
      .filter((one) => one.more > 0),
    sessionsBefore: before.sessions.length,
    sessionsAfter: after.sessions.length,
  };
}
