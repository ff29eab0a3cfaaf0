import type { Json } from '../../definition/definition-types.js';
import { wordOf } from '../spi/http/read-answer.js';

/**
 * Airflow's own words in a refusal. 3: `detail` is a text, an object with `reason` and `message`, or a list of validation
 * errors; 2: RFC 7807 with `detail`, `title` and `type`. `absent`: Airflow itself says that there is no such thing, which
 * neither a proxy nor an unknown route of Airflow does.
 */
export function readDetail(body: Json, status: number, path: string): { message?: string; absent?: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  const message = sentence(body['detail']) ?? sentence(body['title']);
  if (message === undefined) return {};
  const { type } = body;
  const said = typeof type === 'string' ? type.endsWith('/Errors/NotFound') : saysWhatIsMissing(message, path);
  return { message, absent: status === 404 && said };
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

/** Airflow 3 has sentences only: they name what was asked for, but for a task instance. */
function saysWhatIsMissing(message: string, path: string): boolean {
  if (message === 'TaskInstance not found') return true;
  // `/api/v2/dags/D/dagRuns/R/taskInstances/T`: every second part is an id.
  const parts = (path.split('?')[0] ?? '').split('/').slice(4);
  const ids = parts.filter((_, at) => at % 2 === 0).map((part) => decodeURIComponent(part));
  return /not found/i.test(message) && ids.some((id) => id !== '' && message.includes(id));
}
