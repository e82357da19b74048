/** From a Kubespray inventory to the network that it describes. */
export * from './cluster-plan.ts';
export {
  diskFiles,
  type FileTree,
  type LoadedInventory,
  loadInventory,
  memoryFiles,
  type ReadOptions,
} from './inventory/index.ts';
export { type PlanOptions, type PlanResult, planCluster, planLoaded } from './plan-cluster.ts';
export { fromJson, toJson, type Value } from './values/value.ts';
export { type VariableSpec, variableNamed } from './variables/index.ts';
