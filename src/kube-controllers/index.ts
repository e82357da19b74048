/** `calico-kube-controllers`: copies of Kubernetes objects, gone nodes, host endpoints, unused addresses. */
export { applyWrites, type Stamps } from './apply.ts';
export { ensureInitialised, loadConfiguration } from './configuration.ts';
export { Controllers, type ControllersOptions } from './controllers.ts';
export { reconcile } from './reconcile/index.ts';
export { deletionOf, goneNodes } from './reconcile/nodes.ts';
export { type ControllerSettings, resolveSettings } from './settings.ts';
export { calicoQueries, kubernetesQueries, Objects, saysTheSame, type Write } from './state.ts';
