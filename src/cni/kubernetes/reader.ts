/** What the plugin asks of Kubernetes. */

/** A container port of a pod. */
export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
  readonly hostPort?: number;
  readonly hostIP?: string;
}

/** A pod, as far as the plugin reads it. */
export interface Pod {
  readonly metadata: {
    readonly generateName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly containers?: readonly { readonly ports?: readonly ContainerPort[] }[];
    readonly initContainers?: readonly { readonly ports?: readonly ContainerPort[] }[];
  };
}

/** A namespace, as far as the plugin reads it. */
export interface PodNamespace {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** The door to the API server. Each throws {@link CniError} with the server's words when there is no such object. */
export interface KubernetesReader {
  pod(namespace: string, name: string): Promise<Pod>;
  namespace(name: string): Promise<PodNamespace>;
  /** The pod CIDRs of a node. */
  podCidrs(node: string): Promise<readonly string[]>;
}
