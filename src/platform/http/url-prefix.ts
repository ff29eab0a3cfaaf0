/** The version every route is served under. */
export const API_PREFIX = 'v1';

/** Paths that belong to operators and tools, outside the version. */
export const OUTSIDE_THE_API = ['livez', 'readyz', 'metrics', 'openapi.json', 'docs'] as const;

const VERSIONED = /^\/v1(?=[/?]|$)/;
const OUTSIDE = new RegExp(`^/(${OUTSIDE_THE_API.map((path) => path.replace('.', '\\.')).join('|')})(?=[/?]|$)`);

/** Every route answers with and without `/v1`: this is the one place that knows. */
export function withPrefix(url: string): string {
  if (!url.startsWith('/') || VERSIONED.test(url) || OUTSIDE.test(url)) return url;
  return `/${API_PREFIX}${url}`;
}
