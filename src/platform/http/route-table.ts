/** Which methods a path takes: for 405 with Allow, and for OPTIONS. Filled by the adapter as routes are added. */
export class RouteTable {
  readonly #routes: { pattern: RegExp; methods: Set<string> }[] = [];
  readonly #byPath = new Map<string, Set<string>>();

  /** `path` in the router's own notation (`/v1/workflow-runs/:id`). */
  add(methods: string | readonly string[], path: string): void {
    let known = this.#byPath.get(path);
    if (!known) {
      known = new Set();
      this.#byPath.set(path, known);
      this.#routes.push({ pattern: toPattern(path), methods: known });
    }
    for (const method of [methods].flat()) known.add(method);
  }

  /**
   * Whether the router may be asked about the method at this URL. A path that is a route itself is never a value of another
   * one's parameter: `GET /workflow-runs/sync` is no run of that id.
   */
  takes(method: string, url: string): boolean {
    if (method === 'OPTIONS') return true;
    const own = this.#own(url);
    return own ? own.has(method) : this.#routes.some((route) => route.methods.has(method));
  }

  /** Methods of the routes a URL matches, with OPTIONS, sorted; empty for an unknown path. */
  methodsOf(url: string): string[] {
    const path = pathOf(url);
    const own = this.#own(url);
    const found = own ? [own] : this.#routes.filter((route) => route.pattern.test(path)).map((route) => route.methods);
    return found.length === 0 ? [] : [...new Set([...found.flatMap((methods) => [...methods]), 'OPTIONS'])].sort();
  }

  /** Methods of the route without parameters that the URL is. */
  #own(url: string): Set<string> | undefined {
    const path = pathOf(url);
    return this.#byPath.get(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
  }
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function toPattern(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}/?$`);
}
