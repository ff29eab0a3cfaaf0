/** What a task of a compiled DAG tells of its end, beside Airflow's own word. Pure. */
import { FAILURE_CLASSES } from '../spi/facts.js';
import type { Failure } from '../spi/facts.js';
import type { Json } from '../../definition/definition-types.js';
import type { JsonObject } from '../spi/http/read-answer.js';

/** The XCom under which it stands, as a text: the database of Airflow changes objects. */
export const RESULT_KEY = 'signalbox.result';

export interface TaskResult {
  reason?: string;
  outputs?: Record<string, Json>;
  failure?: Failure;
  exitCode?: number;
  /** Of a fan-out: what its items came to, by index. */
  items?: TaskResult[];
  /** Of the last task: why tasks were skipped that Airflow skipped by itself. */
  reasons?: Record<string, string>;
}

/** Undefined for what is no result: a DAG file may be changed by people. */
export function readTaskResult(value: Json | undefined): TaskResult | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return toResult(JSON.parse(value) as Json);
  } catch {
    return undefined;
  }
}

function toResult(value: Json | undefined): TaskResult | undefined {
  const told = recordOf(value);
  if (told === undefined) return undefined;
  const outputs = recordOf(told['outputs']);
  const failure = toFailure(told['failure']);
  const reasons = Object.entries(recordOf(told['reasons']) ?? {}).filter(
    (one): one is [string, string] => typeof one[1] === 'string',
  );
  const { reason, exitCode, items } = told;
  return {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(outputs === undefined ? {} : { outputs }),
    ...(failure === undefined ? {} : { failure }),
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(Array.isArray(items) ? { items: items.map((item) => toResult(item) ?? {}) } : {}),
    ...(reasons.length > 0 ? { reasons: Object.fromEntries(reasons) } : {}),
  };
}

function toFailure(value: Json | undefined): Failure | undefined {
  const { class: blame, code, message, task_title: task } = recordOf(value) ?? {};
  const known = FAILURE_CLASSES.find((one) => one === blame);
  if (known === undefined || typeof code !== 'string' || typeof message !== 'string') return undefined;
  return { class: known, code, message, ...(typeof task === 'string' ? { task_title: task } : {}) };
}

function recordOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
