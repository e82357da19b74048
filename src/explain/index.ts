/** `calico explain`. */
export { Cluster, type End } from './cluster.ts';
export { type Crossed, type Explanation, explain, type Question } from './explain.ts';
export { explainProgram } from './program.ts';
