/** The Kubernetes driver. */

export { connectKubernetes } from './connect.ts';
export { KubernetesDatastore } from './kubernetes-datastore.ts';
export { hasAddress, isEndpoint, isFinished, podEndpoint } from './pod.ts';
export { namespaceProfile, serviceAccountProfile } from './profile.ts';
export { convertUid } from './uid.ts';
