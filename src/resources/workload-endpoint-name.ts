/**
 * Names of WorkloadEndpoints: four segments joined with `-`, each `-` inside a segment doubled.
 * Upstream: libcalico-go/lib/names/workloadendpoint.go.
 */
import type { WorkloadEndpointSpec } from './kinds/workload-endpoint.ts';

/** The parts of a name. `workload` is the pod, container id or workload, depending on the orchestrator. */
export interface WorkloadEndpointIdentity {
  readonly node: string;
  readonly orchestrator: string;
  readonly workload: string;
  readonly endpoint: string;
}

/** What is wrong with a segment: its field in the spec, its value, and upstream's reason. */
export interface SegmentProblem {
  readonly field: string;
  readonly value: string;
  readonly reason: string;
}

type Identifiers = Pick<
  WorkloadEndpointSpec,
  'node' | 'orchestrator' | 'pod' | 'containerID' | 'workload' | 'endpoint'
>;

/** Name of the endpoint that the spec identifies, or what is wrong with the spec. */
export function workloadEndpointName(spec: Identifiers): string | SegmentProblem {
  const parts = segments(spec);
  for (const part of parts) {
    const problem = problemOf(part);
    if (problem) return problem;
  }
  return parts.map(({ value }) => escapeSegment(value)).join('-');
}

/**
 * Prefix of the names of all endpoints with these identifiers, up to the first that is empty. Names of other
 * endpoints can begin with it too (`node1-` and `node1--a-…`): check the parsed name. `undefined` without a node.
 */
export function workloadEndpointNamePrefix(spec: Identifiers): string | undefined {
  const known: string[] = [];
  for (const { value } of segments(spec)) {
    if (value === '') break;
    known.push(escapeSegment(value));
  }
  if (known.length === 0) return undefined;
  return known.length === 4 ? known.join('-') : `${known.join('-')}-`;
}

/** Reads a name; `undefined` when it has not four segments. */
export function parseWorkloadEndpointName(name: string): WorkloadEndpointIdentity | undefined {
  const parsed = splitSegments(name);
  if (parsed.length !== 4) return undefined;
  const [node, orchestrator, workload, endpoint] = parsed;
  return { node: node!, orchestrator: orchestrator!, workload: workload!, endpoint: endpoint! };
}

function segments(spec: Identifiers): readonly { readonly field: string; readonly value: string }[] {
  const orchestrator = spec.orchestrator ?? '';
  const third =
    orchestrator === 'k8s'
      ? { field: 'Pod', value: spec.pod ?? '' }
      : orchestrator === 'cni'
        ? { field: 'ContainerID', value: spec.containerID ?? '' }
        : orchestrator === 'libnetwork'
          ? { field: 'Orchestrator', value: orchestrator }
          : { field: 'Workload', value: spec.workload ?? '' };
  return [
    { field: 'Node', value: spec.node ?? '' },
    { field: 'Orchestrator', value: orchestrator },
    third,
    { field: 'Endpoint', value: spec.endpoint ?? '' },
  ];
}

function problemOf(segment: { readonly field: string; readonly value: string }): SegmentProblem | undefined {
  if (segment.value === '') return { ...segment, reason: 'field should be assigned' };
  if (segment.value.startsWith('-')) return { ...segment, reason: "field must not begin with a '-'" };
  if (segment.value.endsWith('-')) return { ...segment, reason: "field must not end with a '-'" };
  return undefined;
}

function escapeSegment(value: string): string {
  return value.replaceAll('-', '--');
}

/** Scans from the second character: a lone `-` separates, two are a literal one. */
function splitSegments(name: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 1; i < name.length; i++) {
    if (name[i] !== '-') continue;
    if (name[i + 1] === '-') {
      i++;
      continue;
    }
    parts.push(name.slice(start, i));
    start = i + 1;
  }
  parts.push(name.slice(start));
  return parts.map((part) => part.replaceAll('--', '-'));
}
