/** All controllers as one function: what Kubernetes and Calico hold, to the writes that are due. */
import type { ControllerSettings } from '../settings.ts';
import type { Objects, Write } from '../state.ts';
import { reconcilePolicies, reconcileProfiles } from './copies.ts';
import { reconcileEndpoints } from './endpoints.ts';
import { reconcileHostEndpoints } from './host-endpoints.ts';
import { reconcileLabels } from './nodes.ts';

/** What a pass looks at. On the Kubernetes datastore nothing is copied: both stores are one. */
export interface PassInput {
  readonly kubernetes: Objects;
  readonly calico: Objects;
  readonly settings: ControllerSettings;
  readonly copies: boolean;
  readonly onInvalid: (object: string, reason: string) => void;
}

/** Writes that are due, except those that need more than a look: deletion of nodes and release of addresses. */
export function reconcile({ kubernetes, calico, settings, copies, onInvalid }: PassInput): readonly Write[] {
  const { enabled } = settings;
  const templates = settings.templates;
  const hostEndpoints =
    settings.autoHostEndpoints || templates.length > 0
      ? { createDefault: settings.autoHostEndpoints && settings.createDefaultHostEndpoint, templates }
      : undefined;
  return [
    ...(copies && enabled.has('namespace') ? reconcileProfiles(kubernetes, calico, 'kns.') : []),
    ...(copies && enabled.has('serviceaccount') ? reconcileProfiles(kubernetes, calico, 'ksa.') : []),
    ...(copies && enabled.has('policy') ? reconcilePolicies(kubernetes, calico, onInvalid) : []),
    ...(copies && enabled.has('workloadendpoint') ? reconcileEndpoints(kubernetes, calico) : []),
    ...(copies && enabled.has('node') && settings.syncLabels ? reconcileLabels(kubernetes, calico) : []),
    ...(enabled.has('node') ? reconcileHostEndpoints(calico, hostEndpoints) : []),
  ];
}
