/** Requests over HTTP: connections are kept, bodies are JSON, a watch is a stream of lines. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { CalicoError, messageOf } from '../errors.ts';
import type { ApiAccess } from './access.ts';
import { statusOf } from './client.ts';
import type { ApiRequest, ApiResponse, ApiTransport, JsonCodec } from './types.ts';

const defaultTimeout = 10_000;

/** A watch without a line for this long is dead: servers send a bookmark each minute and end a watch in ten. */
const streamSilence = 15 * 60_000;

/** See the module's comment. */
export class HttpTransport implements ApiTransport {
  readonly #access: ApiAccess;
  readonly #codec: JsonCodec;
  readonly #secure: boolean;
  readonly #agent: HttpAgent;

  constructor(access: ApiAccess, codec: JsonCodec = { parse: JSON.parse, format: JSON.stringify }) {
    this.#access = access;
    this.#codec = codec;
    this.#secure = access.server.startsWith('https:');
    this.#agent = this.#secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  async send(request: ApiRequest): Promise<ApiResponse> {
    const response = await this.#open(request);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.#failure(request, error);
    }
    return {
      status: response.statusCode ?? 0,
      body: this.#parse(Buffer.concat(chunks).toString('utf8')),
    };
  }

  async *stream(request: ApiRequest): AsyncGenerator<unknown> {
    const response = await this.#open(request);
    let rest = '';
    let silence: NodeJS.Timeout | undefined;
    const watchdog = () => {
      clearTimeout(silence);
      silence = setTimeout(() => response.destroy(new Error('the watch is silent')), streamSilence);
    };
    const decoder = new TextDecoder();
    try {
      watchdog();
      for await (const chunk of response) {
        watchdog();
        rest += decoder.decode(chunk as Buffer, { stream: true });
        if (response.statusCode !== 200) continue;
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.trim() !== '') yield this.#parse(line);
      }
      const status = response.statusCode ?? 0;
      if (status !== 200)
        yield {
          type: 'ERROR',
          object: { ...statusOf(this.#parse(rest), status, request.path), code: status },
        };
    } catch (error) {
      if (request.signal?.aborted) return;
      throw this.#failure(request, error);
    } finally {
      clearTimeout(silence);
      response.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(request: ApiRequest): Promise<IncomingMessage> {
    const { method, path, query = {}, body, contentType, signal, timeout = defaultTimeout } = request;
    const search = new URLSearchParams(query).toString();
    const url = new URL(`${this.#access.server}${path}${search === '' ? '' : `?${search}`}`);
    const text = body === undefined ? undefined : Buffer.from(this.#codec.format(body));
    const token = this.#access.token?.();
    const { ca, cert, key, insecure } = this.#access;
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      headers: {
        accept: 'application/json',
        'user-agent': 'calico',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(text
          ? { 'content-type': contentType ?? 'application/json', 'content-length': String(text.length) }
          : {}),
      },
      ...(this.#secure
        ? {
            ...(ca ? { ca } : {}),
            ...(cert && key ? { cert, key } : {}),
            ...(insecure ? { rejectUnauthorized: false } : {}),
          }
        : {}),
    };
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(this.#failure(request, new Error('cancelled')));
        return;
      }
      const call = (this.#secure ? httpsRequest : httpRequest)(url, options, (response) => {
        clearTimeout(timer);
        response.on('close', () => signal?.removeEventListener('abort', abort));
        resolve(response);
      });
      const abort = () => call.destroy(new Error('cancelled'));
      const timer = setTimeout(() => call.destroy(new Error('context deadline exceeded')), timeout);
      signal?.addEventListener('abort', abort);
      call.on('error', (error) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        reject(this.#failure(request, error));
      });
      call.end(text);
    });
  }

  #parse(text: string): unknown {
    try {
      return this.#codec.parse(text);
    } catch {
      return text === '' ? undefined : { message: text.trim().slice(0, 300) };
    }
  }

  #failure(request: ApiRequest, error: unknown): CalicoError {
    const url = this.#access.server + request.path;
    const text = dialText(error, this.#access.server);
    const verb = request.method.charAt(0) + request.method.slice(1).toLowerCase();
    return new CalicoError(/deadline/.test(text) ? 'TIMEOUT' : 'DATASTORE', `${verb} "${url}": ${text}`, {
      cure: 'Check that the Kubernetes API server runs and that this host reaches it.',
      cause: error,
      // A read may be repeated; of a write nobody knows whether it happened.
      ...(request.method === 'GET' ? {} : { details: { outcome: 'unknown' } }),
    });
  }
}

/** Connection errors as Go says them. */
function dialText(error: unknown, server: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code !== 'ECONNREFUSED' && code !== 'ConnectionRefused') return messageOf(error);
  const { hostname, port, protocol } = new URL(server);
  return `dial tcp ${hostname}:${port || (protocol === 'http:' ? '80' : '443')}: connect: connection refused`;
}
