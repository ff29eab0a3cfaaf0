/** Airflow 2: REST v1. Facts about the engine were seen on 2.11.2 unless said otherwise. */
import type { CallContext } from '../spi/engine-adapter.js';
import type { Dialect, Exchange } from './dialect.js';
import { query, runPath, taskPath } from './dialect.js';
import { mustBeTime, readRunOf, readRuns } from './to-run.js';
import type { DagRun } from './to-run.js';

const PAGE = 100;
/** Batch lists are not cut. */
const BATCH_PAGE = 1000;
const ACTIVE = ['queued', 'running'];
const ENDED = ['success', 'failed'];

/** The dialect of every 2.x that this adapter can talk to: 2.10 and later, for the history of tries. */
export function airflow2(): Dialect {
  return {
    prefix: '/api/v1',
    scheme: 'basic',
    healthPath: '/health',
    // `[webserver] allowed_payload_size` is 1 MB; more is a 500 or a reset.
    triggerLimitBytes: 900_000,

    cannotCarry: () => undefined,
    // Without a date it is "now", and two triggers of one microsecond clash: a conflict that is not ours.
    triggerBody: ({ runId, conf, note }) => ({ dag_run_id: runId, conf, note }),
    isParsed: (dag) => dag['is_active'] === true && dag['has_import_errors'] !== true,
    importErrorsPath: (_file, offset) => `/importErrors${query({ limit: PAGE, offset, order_by: '-timestamp' })}`,

    // No list of runs takes run ids: what is active, then what ended last, of the DAGs in question.
    findRuns: async (exchange, wanted, ctx) => {
      const dagIds = [...new Set(wanted.map(({ dagId }) => dagId))];
      const missing = new Set(wanted.map(({ dagId, runId }) => `${dagId}/${runId}`));
      const found: DagRun[] = [];
      for (const { states, order } of [
        { states: ACTIVE, order: 'id' },
        { states: ENDED, order: '-end_date' },
      ]) {
        if (missing.size === 0) break;
        const body = { dag_ids: dagIds, states, order_by: order, page_limit: BATCH_PAGE };
        const { json } = await exchange({ method: 'POST', path: '/dags/~/dagRuns/list', body }, ctx);
        for (const run of readRuns(json)) if (missing.delete(`${run.dagId}/${run.runId}`)) found.push(run);
      }
      return found;
    },
    runsSincePath: (since, offset) =>
      `/dags/~/dagRuns${query({
        execution_date_gte: since.toISOString(),
        order_by: 'execution_date',
        limit: PAGE,
        offset,
      })}`,
    createdAt: ({ json }) => mustBeTime(json['logical_date'], 'logical_date'),

    // The note first: a stop whose answer is lost must still be known as ours.
    stopRun: async (exchange, run, note, ctx) => {
      await setNote(exchange, runPath(run.dagId, run.runId), note, ctx);
      const path = runPath(run.dagId, run.runId);
      const { json } = await exchange({ method: 'PATCH', path, body: { state: 'failed' } }, ctx);
      readRunOf(json, run.dagId, run.runId);
    },
    stopTask: async (exchange, run, task, note, ctx) => {
      await setNote(exchange, taskPath(run, task), note, ctx);
      // A dry run unless told.
      const body = { dry_run: false, new_state: 'failed' };
      await exchange({ method: 'PATCH', path: taskPath(run, task), body }, ctx);
    },
    writeNote: (exchange, run, note, ctx) => setNote(exchange, runPath(run.dagId, run.runId), note, ctx),
    // Names only: one item of a fan-out cannot be cleared alone, so then only what failed is.
    clearTargets: (tasks) => ({
      only_failed: tasks.some(({ mapIndex }) => mapIndex >= 0),
      task_ids: [...new Set(tasks.map(({ taskId }) => taskId))],
    }),

    // Items first, of which only failed ones are cleared: what waits for them must not find it all done in between.
    clearGroups: (tasks) =>
      [tasks.filter(({ mapIndex }) => mapIndex >= 0), tasks.filter(({ mapIndex }) => mapIndex < 0)].filter(
        (group) => group.length > 0,
      ),

    // Without `stringify=false` (2.10) the value is the text Python makes of it.
    xcomPath: (run, task, key) =>
      `${taskPath(run, { ...task, mapIndex: -1 })}/xcomEntries/${encodeURIComponent(key)}${query({
        map_index: task.mapIndex,
        stringify: 'false',
      })}`,
    logType: 'text/plain',
    logLine: (line) => line,
    logBeginning: (text) => text,
    logSource,

    runPage: (dagId, runId) => `/dags/${encodeURIComponent(dagId)}/grid${query({ dag_run_id: runId })}`,
    taskPage: (dagId, runId, { taskId, mapIndex }) =>
      `/dags/${encodeURIComponent(dagId)}/grid${query({
        dag_run_id: runId,
        task_id: taskId,
        ...(mapIndex < 0 ? {} : { map_index: mapIndex }),
      })}`,
  };
}

/** Of 2.11.2, before the log: the host, a group of sentences with stars, a blank line. */
function logSource(line: string): string | undefined {
  const sentence = /^\*\*\* (.*)$/.exec(line)?.[1];
  return sentence ?? (/^\S*$|^\S* ?INFO - ::(end)?group::/.test(line) ? line : undefined);
}

async function setNote(exchange: Exchange, path: string, note: string, ctx: CallContext): Promise<void> {
  await exchange({ method: 'PATCH', path: `${path}/setNote`, body: { note } }, ctx);
}
