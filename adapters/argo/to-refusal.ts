import type { Json } from '../../definition/definition-types.js';
import { isObject, textIn } from './read-fields.js';

export interface Refusal {
  message?: string;
  /** The engine's own word that the object is not there; a proxy's 404 has none. */
  absent: boolean;
}

const GRPC_NOT_FOUND = 5;

/**
 * What a refusal says of itself. argo-server answers `{code, message}`, on streams `{error: {grpc_code, message}}`; the
 * Kubernetes API a `Status` with a `reason`. Anything else is not the engine's.
 */
export function toRefusal(body: Json): Refusal {
  if (!isObject(body)) return { absent: false };
  if (body['kind'] === 'Status') return withMessage(body['reason'] === 'NotFound', textIn(body, 'message'));
  const told = isObject(body['error']) ? body['error'] : body;
  const code = told['grpc_code'] ?? told['code'];
  return withMessage(code === GRPC_NOT_FOUND, textIn(told, 'message'));
}

function withMessage(absent: boolean, message: string | undefined): Refusal {
  return message === undefined ? { absent } : { absent, message };
}
