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

  /** Whether any route at all takes the method. */
  takes(method: string): boolean {
    return method === 'OPTIONS' || this.#routes.some((route) => route.methods.has(method));
  }

  /** Methods of the routes a URL matches, with OPTIONS, sorted; empty for an unknown path. */
  methodsOf(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '/';
    const found = this.#routes.filter((route) => route.pattern.test(path)).flatMap((route) => [...route.methods]);
    return found.length === 0 ? [] : [...new Set([...found, 'OPTIONS'])].sort();
  }
}

function toPattern(path: string): RegExp {
  const parts = path.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}/?$`);
}
