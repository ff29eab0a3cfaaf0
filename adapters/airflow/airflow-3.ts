/** Airflow 3: REST v2. Facts about the engine were seen on 3.3.2 unless said otherwise. */
import type { Json } from '../../definition/definition-types.js';
import { unlessAbsent } from '../spi/engine-error.js';
import { readJson, readObject, wordOf } from '../spi/http/read-answer.js';
import type { Dialect } from './dialect.js';
import { query, runPath, taskPath } from './dialect.js';
import { integerBeyond64Bits } from './integer-limits.js';
import { mustBeTime, readRunOf, readRuns } from './to-run.js';
import type { DagRun } from './to-run.js';

/** GETs are cut to so many rows whatever is asked for. */
const PAGE = 100;

/** Names of fields and filters depend on the minor version: unknown ones of a body are refused, of a query ignored. */
export function airflow3(version: string): Dialect {
  const minor = Number(/^3\.(\d+)/.exec(version)?.[1] ?? 0);
  return {
    prefix: '/api/v2',
    scheme: 'bearer',
    healthPath: '/monitor/health',
    triggerLimitBytes: 8 * 1_048_576,

    cannotCarry: (parameters) => {
      const pointer = integerBeyond64Bits(parameters);
      return pointer === undefined ? undefined : `the number at ${pointer} has more than 64 bits`;
    },
    // The key has to be there; null lets any number of runs begin at one moment.
    triggerBody: ({ runId, conf, note }) => ({ dag_run_id: runId, logical_date: null, conf, note }),
    isParsed: (dag) => dag['is_stale'] === false && dag['has_import_errors'] !== true,
    importErrorsPath: (file, offset) => {
      // A filter that 3.0 would not know.
      const pattern: Record<string, string> = minor >= 1 ? { filename_pattern: `%${file}` } : {};
      return `/importErrors${query({ limit: PAGE, offset, ...pattern })}`;
    },

    findRuns: async (exchange, wanted, ctx) => {
      const pages = [...byDag(wanted)].flatMap(([dagId, runIds]) => pagesOf(runIds).map((page) => ({ dagId, page })));
      const found: DagRun[] = [];
      for (const { dagId, page } of pages) {
        const path = `/dags/${encodeURIComponent(dagId)}/dagRuns${query({ limit: PAGE, ...idFilter(minor, page) })}`;
        // A DAG that is gone hides no run of another.
        const answer = await unlessAbsent(exchange({ method: 'GET', path }, ctx));
        if (answer) found.push(...readRuns(answer.json));
      }
      return found;
    },
    runsSincePath: (since, offset) =>
      `/dags/~/dagRuns${query({
        run_after_gte: since.toISOString(),
        order_by: 'run_after',
        limit: PAGE,
        offset,
        ...(minor >= 1 ? idFilter(minor, ['sb-']) : {}),
      })}`,
    createdAt: ({ json }) => mustBeTime(json['run_after'], 'run_after'),

    stopRun: async (exchange, run, note, ctx) => {
      const body = { state: 'failed', note };
      const { json } = await exchange({ method: 'PATCH', path: runPath(run.dagId, run.runId), body }, ctx);
      readRunOf(json, run.dagId, run.runId);
    },
    stopTask: async (exchange, run, task, note, ctx) => {
      const body = { new_state: 'failed', note };
      await exchange({ method: 'PATCH', path: taskPath(run, task), body }, ctx);
    },
    writeNote: async (exchange, run, note, ctx) => {
      await exchange({ method: 'PATCH', path: runPath(run.dagId, run.runId), body: { note } }, ctx);
    },
    clearTargets: (tasks) => ({
      only_failed: false,
      task_ids: tasks.map(({ taskId, mapIndex }) => (mapIndex < 0 ? taskId : [taskId, mapIndex])),
    }),

    clearGroups: (tasks) => [tasks],

    xcomPath: (run, task, key) =>
      `${taskPath(run, { ...task, mapIndex: -1 })}/xcomEntries/${encodeURIComponent(key)}${query({ map_index: task.mapIndex })}`,
    logType: 'application/x-ndjson',
    logLine,
    // The beginning of a JSON object cannot be read.
    logBeginning: () => '',
    logSource,

    runPage: (dagId, runId) => `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`,
    taskPage: (dagId, runId, { taskId, mapIndex }) => {
      const item = mapIndex < 0 ? '' : `/mapped/${mapIndex}`;
      return `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}/tasks/${encodeURIComponent(taskId)}${item}`;
    },
  };
}

/** `|` means OR. The prefix filter (3.3) can use the index of run ids within a DAG; the pattern (3.1) matches anywhere. */
function idFilter(minor: number, runIds: readonly string[]): Record<string, string> {
  return minor >= 3 ? { run_id_prefix_pattern: runIds.join('|') } : { run_id_pattern: runIds.join('|') };
}

function byDag(wanted: readonly { dagId: string; runId: string }[]): Map<string, string[]> {
  const runIds = new Map<string, string[]>();
  for (const { dagId, runId } of wanted) runIds.set(dagId, [...(runIds.get(dagId) ?? []), runId]);
  return runIds;
}

function pagesOf(runIds: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(runIds.length / PAGE) }, (_, page) =>
    runIds.slice(page * PAGE, (page + 1) * PAGE),
  );
}

/**
 * What a task printed stands as it was printed; lines of Airflow's own bear time and level. The head that tells where the log
 * was read from is of no time and left out.
 */
function logLine(line: string): string | undefined {
  const entry = readObject(readJson(Buffer.from(line)), 'a log entry');
  const event = typeof entry['event'] === 'string' ? entry['event'] : JSON.stringify(entry);
  const { timestamp, level, logger } = entry;
  if (timestamp === null || timestamp === undefined) return undefined;
  if (logger === 'task.stdout' || logger === 'task.stderr') return event;
  const head = `[${wordOf(timestamp)}] ${wordOf(level ?? 'info').toUpperCase()} - ${event}`;
  const details = Array.isArray(entry['error_detail']) ? entry['error_detail'].map(errorText) : [];
  return [head, ...details].join('\n');
}

/** Such a line has no time. */
function logSource(line: string): string | undefined {
  const { timestamp, event } = readObject(readJson(Buffer.from(line)), 'a log entry');
  return timestamp === null || timestamp === undefined ? wordOf(event) : undefined;
}

function errorText(detail: Json): string {
  const { exc_type: type, exc_value: value, frames } = readObject(detail, 'an error');
  const places = (Array.isArray(frames) ? frames : []).map((frame) => {
    const { filename, lineno, name } = readObject(frame, 'a frame');
    return `  File "${wordOf(filename)}", line ${wordOf(lineno)}, in ${wordOf(name)}`;
  });
  return [...places, `${wordOf(type)}: ${wordOf(value)}`].join('\n');
}
