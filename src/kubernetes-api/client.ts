/** Objects of the API: get, list by pages, create, replace, patch, delete, watch. */
import type {
  ApiList,
  ApiResult,
  ApiStatus,
  ApiTransport,
  ApiWatchEvent,
  KubernetesObject,
  ObjectMeta,
} from './types.ts';

/** Options of every call. */
export interface ApiCallOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** What a list or a watch covers. */
export interface ApiSelection {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

const pageSize = '500';

/** A server may drop its snapshot between two pages; the list then starts again, this often. */
const listTries = 3;

/** See the module's comment. Paths are those of the API, such as `/api/v1/namespaces/default/pods`. */
export class KubernetesClient {
  readonly transport: ApiTransport;

  constructor(transport: ApiTransport) {
    this.transport = transport;
  }

  /** Reads an object. */
  get(path: string, options: ApiCallOptions = {}): Promise<ApiResult> {
    return this.#call({ method: 'GET', path, ...options });
  }

  /** Creates an object in a collection. */
  create(path: string, object: unknown, options: ApiCallOptions = {}): Promise<ApiResult> {
    return this.#call({ method: 'POST', path, body: object, ...options });
  }

  /** Replaces an object; its `metadata.resourceVersion` is what the server compares. */
  replace(path: string, object: unknown, options: ApiCallOptions = {}): Promise<ApiResult> {
    return this.#call({ method: 'PUT', path, body: object, ...options });
  }

  /** Changes parts of an object. A `resourceVersion` or `uid` in the patch must be the object's. */
  patch(
    path: string,
    patch: unknown,
    type: 'merge' | 'strategic',
    options: ApiCallOptions = {},
  ): Promise<ApiResult> {
    const contentType =
      type === 'merge' ? 'application/merge-patch+json' : 'application/strategic-merge-patch+json';
    return this.#call({ method: 'PATCH', path, body: patch, contentType, ...options });
  }

  /** Deletes an object, if the preconditions hold. */
  delete(
    path: string,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string } = {},
    options: ApiCallOptions = {},
  ): Promise<ApiResult> {
    const body =
      Object.keys(preconditions).length === 0
        ? undefined
        : { kind: 'DeleteOptions', apiVersion: 'v1', preconditions };
    return this.#call({ method: 'DELETE', path, ...(body ? { body } : {}), ...options });
  }

  /** All objects of a collection, as they were at one moment. */
  async list(
    path: string,
    options: ApiCallOptions & ApiSelection & { readonly resourceVersion?: string } = {},
  ): Promise<ApiResult<ApiList>> {
    const { labelSelector, fieldSelector, resourceVersion, ...call } = options;
    const first = {
      ...selection({ labelSelector, fieldSelector }),
      ...(resourceVersion === undefined ? {} : { resourceVersion, resourceVersionMatch: 'Exact' }),
    };
    for (let attempt = 1; ; attempt++) {
      const items: KubernetesObject[] = [];
      let next: string | undefined;
      let version = '';
      let refusal: ApiStatus | undefined;
      do {
        const query = {
          limit: pageSize,
          ...(next === undefined
            ? first
            : { ...selection({ labelSelector, fieldSelector }), continue: next }),
        };
        const response = await this.transport.send({ method: 'GET', path, query, ...call });
        if (response.status !== 200) {
          refusal = statusOf(response.body, response.status, path);
          break;
        }
        const page = response.body as {
          readonly apiVersion?: string;
          readonly kind?: string;
          readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
          readonly items?: readonly KubernetesObject[] | null;
        };
        items.push(...(page.items ?? []));
        version = page.metadata?.resourceVersion ?? version;
        next = page.metadata?.continue || undefined;
      } while (next !== undefined);
      if (refusal === undefined) return { ok: true, value: { items, resourceVersion: version } };
      if (refusal.code !== 410 || next === undefined || attempt === listTries)
        return { ok: false, status: refusal };
    }
  }

  /** Events after a version. */
  async *watch(
    path: string,
    resourceVersion: string,
    options: { readonly signal?: AbortSignal } & ApiSelection = {},
  ): AsyncGenerator<ApiWatchEvent> {
    const { signal, ...chosen } = options;
    const query = { ...selection(chosen), watch: 'true', allowWatchBookmarks: 'true', resourceVersion };
    for await (const line of this.transport.stream({
      method: 'GET',
      path,
      query,
      ...(signal ? { signal } : {}),
    })) {
      const { type, object } = line as { readonly type?: string; readonly object?: KubernetesObject };
      switch (type) {
        case 'ADDED':
        case 'MODIFIED':
        case 'DELETED':
          if (object) yield { type: type.toLowerCase() as 'added' | 'modified' | 'deleted', object };
          break;
        case 'BOOKMARK':
          yield { type: 'bookmark', resourceVersion: object?.metadata.resourceVersion ?? resourceVersion };
          break;
        default:
          yield { type: 'error', status: statusOf(object, 500, path) };
          return;
      }
    }
  }

  close(): void {
    this.transport.close();
  }

  async #call(request: Parameters<ApiTransport['send']>[0]): Promise<ApiResult> {
    const { status, body } = await this.transport.send(request);
    if (status >= 200 && status < 300) return { ok: true, value: asObject(body) };
    return { ok: false, status: statusOf(body, status, request.path) };
  }
}

function selection(chosen: {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}): Readonly<Record<string, string>> {
  const { labelSelector, fieldSelector } = chosen;
  return {
    ...(labelSelector ? { labelSelector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  };
}

function asObject(body: unknown): KubernetesObject {
  const object = (typeof body === 'object' && body !== null ? body : {}) as Partial<KubernetesObject>;
  const metadata: ObjectMeta = object.metadata ?? { name: '' };
  return { ...object, metadata };
}

/** The refusal in a body; a body that is none (a proxy's page) is told by its code. */
export function statusOf(body: unknown, code: number, path: string): ApiStatus {
  const status = (typeof body === 'object' && body !== null ? body : {}) as {
    readonly code?: number;
    readonly reason?: string;
    readonly message?: string;
    readonly details?: {
      readonly causes?: readonly { readonly field?: string; readonly message?: string }[] | null;
    } | null;
  };
  return {
    code: status.code ?? code,
    reason: status.reason ?? '',
    message: status.message ?? `the server answered ${code} for ${path}`,
    causes: (status.details?.causes ?? []).map(({ field = '', message = '' }) => ({ field, message })),
  };
}
