/** Manifests of a cluster, and the definitions of the custom resources. */
export { customResourceDefinitions } from './crd.ts';
export { manifestsOf, manifestsProgram, yamlOf } from './program.ts';
