/** Runs that Airflow's own schedule, or somebody in its pages, started. */
import type { Json } from '../../definition/definition-types.js';
import type { BornExecution, BornPage, BornRequest } from '../spi/born.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { readCount, readList, readObject } from '../spi/http/read-answer.js';
import type { AirflowClient } from './airflow-client.js';
import { externalIdOf, referencedDag } from './dag-name.js';
import type { Dialect } from './dialect.js';
import { MARKER_KEY, hasKey } from './marks.js';
import { readRuns } from './to-run.js';
import type { DagRun } from './to-run.js';

const PAGE = 100;
const PARTS = ['active', 'ended'] as const;
const ACTIVE = ['queued', 'running'];
const ENDED = ['success', 'failed'];

/** First what is active, then what ended lately: two lists, since Airflow joins its filters by "and". */
export async function listBornRuns(client: AirflowClient, request: BornRequest, ctx: CallContext): Promise<BornPage> {
  const [part, offset] = readCursor(request.cursor);
  const references = new Map(request.references.map((text) => [referencedDag(text), text]));
  const dagIds = [...references.keys()].filter((dagId) => dagId !== undefined);
  if (dagIds.length === 0) return { executions: [] };
  const { dialect } = await client.version(ctx);
  const body = {
    dag_ids: dagIds,
    order_by: 'id',
    page_limit: PAGE,
    page_offset: offset,
    ...(part === 'active' ? { states: ACTIVE } : { states: ENDED, end_date_gte: request.endedSince.toISOString() }),
  };
  const answer = readObject(await client.post('/dags/~/dagRuns/list', body, ctx), 'the list of runs');
  const rows = readList(answer['dag_runs'], 'dag_runs').length;
  const executions = readRuns(answer).flatMap((run) => {
    const reference = references.get(run.dagId);
    // What bears a key and has no row is an orphan, never one of these.
    return reference === undefined || hasKey(run.runId) ? [] : [toBorn(run, reference, client, dialect)];
  });
  const isLast = rows === 0 || offset + rows >= readCount(answer['total_entries'], 'total_entries');
  if (!isLast) return { executions, nextCursor: `${part} ${offset + rows}` };
  return part === 'active' ? { executions, nextCursor: 'ended 0' } : { executions };
}

function toBorn(run: DagRun, reference: string, client: AirflowClient, dialect: Dialect): BornExecution {
  const { dagId, runId, state, finishedAt, json } = run;
  return {
    reference,
    externalId: externalIdOf(dagId, runId),
    engineUrl: client.pageUrl(dialect.runPage(dagId, runId)),
    engineState: state,
    parameters: parametersOf(json['conf']),
    ...(finishedAt !== undefined && ENDED.includes(state) ? { endedAt: finishedAt } : {}),
  };
}

function parametersOf(conf: Json | undefined): Record<string, Json> {
  if (typeof conf !== 'object' || conf === null || Array.isArray(conf)) return {};
  return Object.fromEntries(Object.entries(conf).filter(([name]) => name !== MARKER_KEY));
}

function readCursor(cursor: string | undefined): [(typeof PARTS)[number], number] {
  if (cursor === undefined) return ['active', 0];
  const [word, digits = ''] = cursor.split(' ');
  const part = PARTS.find((one) => one === word);
  if (part === undefined || !/^\d{1,9}$/.test(digits)) {
    throw new EngineError('rejected', 'the cursor is not one of this list');
  }
  return [part, Number(digits)];
}
