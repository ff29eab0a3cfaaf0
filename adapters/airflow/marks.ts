/** What we write into Airflow beside its own: the marker in a run's conf, and notes that say whom a stop came from. */
import type { Json } from '../../definition/definition-types.js';
import type { Marker } from '../spi/engine-adapter.js';
import type { JsonObject } from '../spi/http/read-answer.js';

/** Key of the marker in `conf`: not a parameter, and nothing edits it after the trigger. */
export const MARKER_KEY = '__signalbox';
const A_KEY = /^sb-[a-z2-7]{26}-g\d+$/;
/** Airflow takes no longer note. */
const NOTE_LIMIT = 1000;

/** Whether a run bears the key of some Signalbox, this one or another. */
export function hasKey(runId: string): boolean {
  return A_KEY.test(runId);
}

export function confOf(parameters: Record<string, Json>, marker: Marker, runId: string): JsonObject {
  return {
    ...parameters,
    [MARKER_KEY]: {
      installation_id: marker.installationId,
      key: marker.key,
      content_digest: marker.contentDigest,
      workflow_run_id: runId,
    },
  };
}

/** What a compiled DAG is told beside the marker. */
export interface CompiledStart {
  parameters: Record<string, Json>;
  traceparent: string;
  /** Of the whole run. */
  timeoutMs: number | undefined;
}

/**
 * Parameters as one text: in a database of Airflow's, objects lose the order of their keys and large numbers their form.
 */
export function compiledConf(start: CompiledStart, marker: Marker, runId: string): JsonObject {
  const conf = confOf({}, marker, runId);
  return {
    [MARKER_KEY]: {
      ...recordOf(conf[MARKER_KEY]),
      parameters: JSON.stringify(start.parameters),
      traceparent: start.traceparent,
      ...(start.timeoutMs === undefined ? {} : { timeout_ms: start.timeoutMs }),
    },
  };
}

/** How long the run may take, where its definition says so. */
export function timeoutOf(conf: Json | undefined): number | undefined {
  const timeout = recordOf(recordOf(conf)?.[MARKER_KEY])?.['timeout_ms'];
  return typeof timeout === 'number' ? timeout : undefined;
}

/** The marker in a run's conf; undefined where there is none or it is not whole. */
export function markerOf(conf: Json | undefined): Marker | undefined {
  const marker = recordOf(recordOf(conf)?.[MARKER_KEY]);
  const { installation_id: installationId, key, content_digest: contentDigest } = marker ?? {};
  if (typeof installationId !== 'string' || typeof key !== 'string' || typeof contentDigest !== 'string')
    return undefined;
  return { installationId, key, contentDigest };
}

export function isSameMarker(a: Marker | undefined, b: Marker): boolean {
  return a?.installationId === b.installationId && a.key === b.key && a.contentDigest === b.contentDigest;
}

const RUN_STOP = / ?\[signalbox stopped this run, (\d{4}-\d\d-\d\dT[\d:.]+Z)(?: \(([^)\]]*)\))?\]/g;
const TASK_STOP = / ?\[signalbox stopped try (\d+)\]/g;

/** When we stopped the run, by the engine's clock; a stop that was bound to another baseline is over. */
export function runStoppedAt(note: string | null, baseline: string): Date | undefined {
  const [, at, of] = [...(note ?? '').matchAll(RUN_STOP)].at(-1) ?? [];
  return at === undefined || (of !== undefined && of !== baseline) ? undefined : new Date(at);
}

export function withRunStop(note: string | null, at: Date): string {
  return append(note, RUN_STOP, ` [signalbox stopped this run, ${at.toISOString()}]`);
}

/** The note of a run that is about to begin again: the stop counts until it has, and not for what comes after. */
export function withBoundStop(note: string | null, at: Date, baseline: string): string {
  return append(note, RUN_STOP, ` [signalbox stopped this run, ${at.toISOString()} (${baseline})]`);
}

/** The try that we stopped, and not the whole run. */
export function stoppedTry(note: string | null): number | undefined {
  const stops = [...(note ?? '').matchAll(TASK_STOP)];
  const attempt = stops.at(-1)?.[1];
  return attempt === undefined ? undefined : Number(attempt);
}

export function withTaskStop(note: string | null, attempt: number): string {
  return append(note, TASK_STOP, ` [signalbox stopped try ${attempt}]`);
}

/** What people wrote stays, as far as there is room. */
function append(note: string | null, marks: RegExp, mark: string): string {
  const own = (note ?? '').replace(marks, '');
  return (own.slice(0, NOTE_LIMIT - mark.length) + mark).trimStart();
}

function recordOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
