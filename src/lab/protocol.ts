/** What the front and the holder say to each other: one JSON document per line over a Unix socket. */
import type { CheckReport } from './check/report.ts';

/** The software of border routers. */
export type RouterSoftware = 'frr' | 'bird';

/** What can be done to a program. */
export type ProcessAction = 'kill' | 'stop' | 'start';

/** A request; each connection carries one. */
export type LabRequest =
  /** Reports stages until the lab is up or failed. */
  | { readonly op: 'follow' }
  | { readonly op: 'status' }
  | { readonly op: 'check' }
  /** How to get onto a host, or into a pod on it. */
  | { readonly op: 'entrance'; readonly target: string }
  | {
      readonly op: 'pod-add';
      readonly host: string;
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly op: 'process';
      readonly host: string;
      readonly program: ProcessStatus['program'];
      readonly action: ProcessAction;
    }
  | { readonly op: 'pod-delete'; readonly host: string; readonly name: string };

/** Progress of a stage. */
export interface StageEvent {
  readonly kind: 'stage';
  readonly stage: string;
  readonly state: 'running' | 'done' | 'failed';
  /** How many of how many objects are finished. */
  readonly done: number;
  readonly total: number;
  /** What is being waited for, or what failed. */
  readonly detail: string;
  readonly milliseconds: number;
}

/** A pod as it is. */
export interface PodStatus {
  readonly host: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly interface: string;
}

/** A supervised process. */
export interface ProcessStatus {
  readonly host: string;
  readonly program: 'etcd' | 'calico-node' | 'bird' | 'zebra' | 'bgpd';
  readonly pid: number | null;
  readonly restarts: number;
  readonly memoryMiB: number;
}

/** What `status` shows. */
export interface LabStatus {
  readonly name: string;
  readonly state: 'starting' | 'up' | 'failed' | 'crashed';
  readonly inventory: readonly string[];
  readonly hosts: readonly {
    readonly name: string;
    readonly address: string;
    readonly roles: readonly string[];
    readonly memoryMiB: number;
  }[];
  readonly processes: readonly ProcessStatus[];
  readonly pods: readonly PodStatus[];
  readonly stages: readonly StageEvent[];
}

/** An answer. `follow` gives many, the others one. */
export type LabReply =
  | StageEvent
  | { readonly kind: 'up'; readonly milliseconds: number; readonly status: LabStatus }
  | { readonly kind: 'status'; readonly status: LabStatus }
  | { readonly kind: 'check'; readonly report: CheckReport }
  | { readonly kind: 'pod'; readonly pod: PodStatus }
  /** Arguments of nsenter inside the holder's namespaces. */
  | { readonly kind: 'entrance'; readonly arguments: readonly string[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly message: string; readonly cure?: string };
