/** What a check is given and how it reports. */
import type { ClusterPlan, Finding, Severity } from '../cluster-plan.ts';
import type { ClusterView } from '../derive/cluster-view.ts';
import type { ClusterSettings } from '../derive/settings.ts';
import { type Host, showPosition } from '../inventory/index.ts';

/** Everything that checks look at. */
export interface CheckInput {
  readonly view: ClusterView;
  readonly settings: ClusterSettings;
  readonly plan: ClusterPlan;
}

/** A check: a pure function from the input to findings. */
export type Check = (input: CheckInput) => readonly Finding[];

/** A finding, with the place where a host's value of `variable` was written. */
export function finding(
  severity: Severity,
  code: string,
  message: string,
  more: {
    readonly cure?: string;
    readonly hosts?: readonly Host[] | readonly string[];
    readonly at?: readonly [ClusterView, Host | undefined, string];
    readonly kubespray?: boolean;
  } = {},
): Finding {
  const [view, host, variable] = more.at ?? [];
  const position = view && host && variable !== undefined ? view.origin(host, variable) : undefined;
  const hosts = (more.hosts ?? []).map((one) => (typeof one === 'string' ? one : one.name));
  return {
    severity,
    code,
    message,
    ...(more.cure === undefined ? {} : { cure: more.cure }),
    ...(hosts.length === 0 ? {} : { hosts }),
    ...(position ? { origin: showPosition(position) } : {}),
    ...(more.kubespray ? { kubespray: true } : {}),
  };
}

/** A list of hosts that stays readable. */
export function listHosts(hosts: readonly (Host | string)[]): string {
  const names = hosts.map((one) => (typeof one === 'string' ? one : one.name));
  return names.length <= 6
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
}
