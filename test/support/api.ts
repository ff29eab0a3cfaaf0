/** What an answer holds is asserted by each test, so its shape is open here. */
export type Body = { [member: string]: Body } & Body[] & { items: Body[]; id: number; state: string; message: string };

export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

export interface ApiOptions {
  project?: string;
  key?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Requests to an app under test; paths are without `/v1`. */
export class Api {
  constructor(
    readonly url: string,
    private readonly defaults: ApiOptions = {},
  ) {}

  as(defaults: ApiOptions): Api {
    return new Api(this.url, { ...this.defaults, ...defaults });
  }

  get(path: string, options: ApiOptions = {}): Promise<ApiAnswer> {
    return this.send('GET', path, undefined, options);
  }

  post(path: string, body: unknown, options: ApiOptions = {}): Promise<ApiAnswer> {
    return this.send('POST', path, body, options);
  }

  put(path: string, body?: unknown, options: ApiOptions = {}): Promise<ApiAnswer> {
    return this.send('PUT', path, body, options);
  }

  patch(path: string, body: unknown, options: ApiOptions = {}): Promise<ApiAnswer> {
    return this.send('PATCH', path, body, options);
  }

  delete(path: string, options: ApiOptions = {}): Promise<ApiAnswer> {
    return this.send('DELETE', path, undefined, options);
  }

  async send(method: string, path: string, body: unknown, options: ApiOptions = {}): Promise<ApiAnswer> {
    const response = await this.open(method, path, body, options);
    const text = await response.text();
    const json = (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (json ? JSON.parse(text) : {}) as Body,
    };
  }

  /** The response before its body was read. */
  open(method: string, path: string, body: unknown, options: ApiOptions = {}): Promise<Response> {
    const { project, key, headers } = { ...this.defaults, ...options };
    return fetch(`${this.url}/v1${path}`, {
      method,
      headers: {
        ...(project === undefined ? {} : { 'x-project': project }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }
}
