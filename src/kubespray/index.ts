/** From a Kubespray inventory to the network that it describes. */

export { checkHostFacts, type HostFacts } from './checks/host-facts.ts';
export * from './cluster-plan.ts';
export {
  diskFiles,
  type FileTree,
  type LoadedInventory,
  loadInventory,
  memoryFiles,
  type ReadOptions,
} from './inventory/index.ts';
export { type Change, type Difference, diffNetworks, type Risk } from './plan/diff.ts';
export { drawDot, drawSvg } from './plan/draw.ts';
export { type Proof, prove as provePlan } from './plan/proof.ts';
export { type NetworkState, stateOfPlan as planState, stateOfResources } from './plan/state.ts';
export { type PlanOptions, type PlanResult, planCluster, planLoaded } from './plan-cluster.ts';
export { fromJson, toJson, type Value } from './values/value.ts';
export { type VariableSpec, variableNamed } from './variables/index.ts';
