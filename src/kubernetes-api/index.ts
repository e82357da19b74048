/** A small client of the Kubernetes API. It knows nothing of Calico. */
export {
  type AccessSettings,
  type ApiAccess,
  accessFromKubeconfig,
  accessInCluster,
  accessOf,
} from './access.ts';
export { type ApiCallOptions, type ApiSelection, KubernetesClient } from './client.ts';
export { HttpTransport } from './http.ts';
export { FakeApi } from './testing/fake-api.ts';
export type * from './types.ts';
