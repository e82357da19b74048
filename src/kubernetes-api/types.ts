/** The API's own shapes, as far as this project reads them. */

/** Metadata of any object. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly unknown[];
  readonly finalizers?: readonly string[];
  readonly [other: string]: unknown;
}

/** Any object of the API. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [other: string]: unknown;
}

/** A refusal by the server: `metav1.Status`. */
export interface ApiStatus {
  readonly code: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Expired`, `Forbidden`, …; empty when the server gave none. */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly { readonly field: string; readonly message: string }[];
}

/** Outcome of a call: a refusal is a value; a server that cannot be reached throws CalicoError DATASTORE. */
export type ApiResult<T = KubernetesObject> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: ApiStatus };

/** A list with the version from which a watch continues it. */
export interface ApiList {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
}

/** What a watch yields. It ends after `error`, and without a word when the server closes it. */
export type ApiWatchEvent =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubernetesObject }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'error'; readonly status: ApiStatus };

/** One request. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds; of a stream: until it stands. */
  readonly timeout?: number;
}

/** An answer with its parsed body. */
export interface ApiResponse {
  readonly status: number;
  readonly body: unknown;
}

/** How requests reach a server: HTTP, or a server in memory in tests. */
export interface ApiTransport {
  send(request: ApiRequest): Promise<ApiResponse>;
  /** Yields the parsed lines of a watch; a refusal is one line of type ERROR. */
  stream(request: ApiRequest): AsyncIterable<unknown>;
  close(): void;
}

/** How bodies become values: IPAM blocks hold integers above 2^53. */
export interface JsonCodec {
  parse(text: string): unknown;
  format(value: unknown): string;
}
