import { createHash } from 'node:crypto';
import { canonicalJson } from '../../definition/canonical-json.js';
import type { Json } from '../../definition/definition-types.js';

/** What makes two requests the same: the operation, what its path names, and the body as a value, not as bytes. */
export interface RequestIdentity {
  operation: string;
  pathParams: Readonly<Record<string, string>>;
  /** Absent = no body; that is another request than the body `null`. */
  body?: Json;
}

/** SHA-256 over a canonical text: the order of keys and the blanks in a body do not matter. 64 hexadecimal digits. */
export function fingerprint(request: RequestIdentity): string {
  const parts: Json[] = [request.operation, { ...request.pathParams }];
  if (request.body !== undefined) parts.push(request.body);
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** The advisory lock of a key: the first 64 bits of a hash, as PostgreSQL's signed bigint in decimal. */
export function lockKey(project: string, key: string): string {
  // Neither part can contain the separator: projects are DNS labels.
  const digest = createHash('sha256').update(`${project}\n${key}`).digest();
  return digest.readBigInt64BE(0).toString();
}
