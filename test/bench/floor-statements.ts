/** The statements that the product sends for a request, taken from the product itself: the floor sends the same. */
import type { WriteRequest } from '../../src/platform/http/write-request.js';
import type { Database, Db, Statement } from '../../src/platform/database.js';
import { idempotent } from '../../src/platform/idempotency.js';
import { parseLabelSelector } from '../../src/labels/label-selector.js';
import { createRun } from '../../src/workflow-runs/create-run.js';
import type { RunList } from '../../src/workflow-runs/run-list.js';
import { listRuns, readRun } from '../../src/workflow-runs/runs-store.js';
import { readRunnableWorkflow } from '../../src/workflows/workflows-store.js';
import { STAGES, TEAMS } from './seed-runs.js';

export const STALE_AFTER_MS = 45_000;

export const GET = await only((db) => readRun(db, { project: 'default', id: 1 }, STALE_AFTER_MS));

export const LIST_PATH = '/v1/workflow-runs?limit=50';
const FIRST_PAGE: RunList = {
  project: 'default',
  filters: {},
  terms: [],
  orderBy: 'id',
  direction: 'desc',
  limit: 50,
  skip: 0,
  staleAfterMs: STALE_AFTER_MS,
};
/** Of runs that bear both labels, for each pair of labels that the record has: path and statement. */
export const LISTS_BY_SELECTOR = new Map<string, Statement>();
for (const selector of TEAMS.flatMap((team) => STAGES.map((stage) => `team=${team},stage in (${stage})`))) {
  const parsed = parseLabelSelector(selector);
  if (!parsed.ok) throw new Error('the selector of the benchmark is wrong');
  const statement = await only((db) => listRuns(db, { ...FIRST_PAGE, terms: parsed.terms }));
  LISTS_BY_SELECTOR.set(`${LIST_PATH}&label_selector=${encodeURIComponent(selector)}`, statement);
}

const write: WriteRequest = {
  project: 'default',
  key: 'key',
  operation: 'createWorkflowRun',
  pathParams: {},
  body: {},
};
const run = { project: 'default', workflowId: 1, parameters: {}, labels: [], staleAfterMs: STALE_AFTER_MS };

/** Of one POST with an Idempotency-Key, in their order, between BEGIN and COMMIT. */
export const POST = await sent((db) =>
  idempotent({ transaction: inside(db) } as Database, write, async (inner) => {
    await readRunnableWorkflow(inner, 'default', 'bench', undefined);
    await createRun(inner, run);
    return { status: 201 };
  }),
);

/** What is last is sent like any other. */
function inside(db: Db): Database['transaction'] {
  return (work) => work({ query: (statement) => db.query(statement), last: (statement) => db.query(statement) });
}

async function only(work: (db: Db) => Promise<unknown>): Promise<Statement> {
  const [statement] = await sent(work);
  if (!statement) throw new Error('no statement was sent');
  return statement;
}

async function sent(work: (db: Db) => Promise<unknown>): Promise<Statement[]> {
  const statements: Statement[] = [];
  await work({
    query: (statement) => {
      statements.push(statement);
      return Promise.resolve({ rows: [], rowCount: 0 });
    },
  });
  return statements;
}
