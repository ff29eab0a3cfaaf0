import type { Json } from '../../definition/definition-types.js';
import { wordOf } from '../spi/http/read-answer.js';

/**
 * Airflow's own words in a refusal. 3: `detail` is a text, an object with `reason` and `message`, or a list of validation
 * errors; 2: RFC 7807 with `detail` and `title`. A not-found is positive only if its sentence names what was asked for: neither a
 * proxy nor an unknown route of the engine does that.
 */
export function readDetail(body: Json, status: number, path: string): { message?: string; absent?: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  const message = sentence(body['detail']) ?? sentence(body['title']);
  if (message === undefined) return {};
  return { message, absent: status === 404 && namesLastPart(message, path) };
}

function sentence(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const texts = value.flatMap((one) => sentence(one) ?? []);
    return texts.length > 0 ? texts.join('; ') : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { msg, loc, reason, message } = value;
  if (typeof msg === 'string') return Array.isArray(loc) ? `${loc.map(wordOf).join('.')}: ${msg}` : msg;
  return typeof reason === 'string' ? reason : typeof message === 'string' ? message : undefined;
}

/** Words of Airflow for a task instance that is not there, which name nothing. */
const NAMELESS = /^(TaskInstance|Task instance|Task Instance) not found/;

function namesLastPart(message: string, path: string): boolean {
  const parts = (path.split('?')[0] ?? '').split('/').map((part) => decodeURIComponent(part));
  const named = parts.some((part) => part.length >= 3 && message.includes(part) && !ROUTE_WORDS.has(part));
  return NAMELESS.test(message) || (named && /not found/i.test(message));
}

const ROUTE_WORDS = new Set(['api', 'dags', 'dagRuns', 'taskInstances', 'variables', 'logs', 'tasks', 'tries', 'list']);
