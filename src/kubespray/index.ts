/** From a Kubespray inventory to the network that it describes. */
export * from './cluster-plan.ts';
