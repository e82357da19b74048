/** What the room is given: a request of a runtime, and what serves it. */
import type { Datastore } from '../datastore/index.ts';
import type { Ipam } from '../ipam/index.ts';
import type { NetConf } from './config.ts';
import type { KubernetesReader } from './kubernetes/reader.ts';
import type { CniEnvironment } from './protocol/call.ts';
import type { CniReads } from './reads.ts';

/** A call of one of the two programs. */
export interface CniRequest {
  readonly program: 'calico' | 'calico-ipam';
  readonly env: CniEnvironment;
  readonly stdin: string;
}

/** What the program prints and how it ends. */
export interface CniReply {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The v1 identity of an endpoint, as the agent knows it. */
export interface EndpointIdentity {
  readonly orchestrator: string;
  /** `<namespace>/<pod or container>`. */
  readonly workload: string;
  readonly endpoint: string;
}

/** What serves requests: calico-node's own, or those of a plugin that works alone. */
export interface CniDeps {
  readonly datastore: Datastore;
  readonly ipam: Ipam;
  readonly clock: () => Date;
  /** Whether a DEL for the same interface has come since: an ADD then stops at its next step. */
  readonly cancelled?: () => boolean;
  /** Look-ups that know already; by default the datastore is asked. */
  readonly reads?: CniReads;
  /** Resolves to whether policy and routes of the endpoint are in the kernel; absent where no agent can tell. */
  readonly waitProgrammed?: (endpoint: EndpointIdentity, timeoutMs: number) => Promise<boolean>;
  /** The Kubernetes API of a configuration; by default a client made from its kubeconfig. */
  readonly kubernetes?: (conf: NetConf) => Promise<KubernetesReader>;
}
