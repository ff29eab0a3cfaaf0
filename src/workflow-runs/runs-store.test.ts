import { NO_VERBS } from '../../adapters/spi/engine-adapter.js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Label } from '../labels/label.js';
import { MAX_CANDIDATES } from '../labels/label-selector-sql.js';
import { parseLabelSelector, type LabelTerm } from '../labels/label-selector.js';
import type { Position } from '../lists/cursor.js';
import type { Db, Statement } from '../platform/database.js';
import { createRun } from './create-run.js';
import type { RunList } from './run-list.js';
import type { ShownRun } from './run-row.js';
import { toWorkflowRun, type RunRow } from './run-row.js';
import { estimateRuns, listRuns, readRun, readRuns } from './runs-store.js';

let db: TestDatabase;
let workflowId: number;
const runs: { id: number; labels: Label[] }[] = [];
const project = 'lists';
const STALE_AFTER_MS = 45_000;

beforeAll(async () => {
  db = await createTestDatabase();
  workflowId = await insertWorkflow(project, 'etl');
  const keys = ['team', 'stage', 'odd'];
  const values = ['', 'a', 'b', 'c d'];
  // A fixed mixture in which every combination of presence and number of values occurs.
  for (let n = 0; n < 120; n += 1) {
    const labels = keys.flatMap((key, k) =>
      values.filter((_, v) => ((n * 7919 + k * 104_729) >> v) % 3 === 0).map((value) => ({ key, value })),
    );
    const row = await createRun(db.database, newRun({ labels }));
    runs.push({ id: row?.id ?? 0, labels });
  }
});
afterAll(() => db.drop());

/** The response, as whoever asks over HTTP gets it. */
function shown(row: RunRow | undefined): unknown {
  return row && JSON.parse(toWorkflowRun(row, NO_VERBS));
}

describe('creating a run', () => {
  test('stores run, labels, execution and first event in one statement, due at once', async () => {
    const row = await createRun(
      db.database,
      newRun({
        parameters: { n: null, list: [1, null] },
        labels: [
          { key: 'b', value: '2' },
          { key: 'a', value: '1' },
        ],
      }),
    );
    const body = shown(row) as Record<string, unknown>;
    expect(body).toMatchObject({
      workflow: { id: workflowId, title: 'etl', version: 1 },
      workflow_engine: 'local',
      state: 'PENDING',
      labels: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      parameters: { n: null, list: [1, null] },
      origin: 'api',
      generation: 1,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(body).not.toHaveProperty('external_id');
    const { rows } = await db.database.query({
      text: `SELECT r.token, r.next_action_at <= now() AS due, x.key, x.outcome, e.type, e.seq, r.event_seq
             FROM workflow_runs r JOIN workflow_executions x ON x.workflow_run_id = r.id
             JOIN lifecycle_events e ON e.workflow_run_id = r.id WHERE r.id = $1`,
      values: [row?.id],
    });
    expect(rows).toEqual([
      expect.objectContaining({
        due: true,
        key: `sb-${rows[0]?.['token']}-g1`,
        outcome: 'none',
        type: 'CREATED',
        seq: 1,
        event_seq: 1,
      }),
    ]);
    await db.database.query({ text: 'DELETE FROM workflow_runs WHERE id = $1', values: [row?.id] });
  });

  test('reads back exactly what it answered', async () => {
    const created = await createRun(db.database, newRun({ labels: [{ key: 'team', value: 'ml' }] }));
    const read = await readRun(db.database, { project, id: created?.id ?? 0 }, STALE_AFTER_MS);
    expect(shown(read)).toEqual(shown(created));
    await db.database.query({ text: 'DELETE FROM workflow_runs WHERE id = $1', values: [created?.id] });
  });

  test('gives nothing when the version was archived meanwhile', async () => {
    const archived = await insertWorkflow(project, 'archived');
    await db.database.query({ text: 'UPDATE workflows SET archived_at = now() WHERE id = $1', values: [archived] });
    expect(
      await createRun(db.database, newRun({ workflowId: archived, labels: [{ key: 'never', value: 'made' }] })),
    ).toBeUndefined();
    const { rows } = await db.database.query({ text: `SELECT FROM labels WHERE key = 'never'` });
    expect(rows).toEqual([]);
  });

  test('lets fifty at once share labels that nobody had made before', async () => {
    const labels = [
      { key: 'new', value: 'x' },
      { key: 'new', value: 'y' },
    ];
    const shared = await insertWorkflow('busy', 'etl');
    const rows = await Promise.all(
      Array.from({ length: 50 }, () => createRun(db.database, newRun({ project: 'busy', workflowId: shared, labels }))),
    );
    for (const row of rows) expect(shown(row)).toMatchObject({ labels });
    const counted = await db.database.query({
      text: `SELECT count(*) AS links, count(DISTINCT label_id) AS labels FROM workflow_run_labels l
             JOIN labels k ON k.id = l.label_id WHERE k.project = 'busy'`,
    });
    expect(counted.rows).toEqual([{ links: 100, labels: 2 }]);
  });
});

describe('a run of another project', () => {
  test('is not read by its id', async () => {
    expect(await readRun(db.database, { project: 'stranger', id: runs[0]?.id ?? 0 }, STALE_AFTER_MS)).toBeUndefined();
  });
});

test('runs read together are each as read alone, in the order they were asked for', async () => {
  const [first, second] = runs.map((run) => run.id);
  if (first === undefined || second === undefined) throw new Error('too few runs');
  const names = [
    { project, id: second },
    { project, id: 2 ** 53 - 1 },
    { project: 'stranger', id: first },
    { project, id: first },
    { project, id: second },
  ];
  const alone = await Promise.all(names.map((name) => readRun(db.database, name, STALE_AFTER_MS)));
  const together = await readRuns(db.database, names, STALE_AFTER_MS);
  expect(together.map((row) => row?.id)).toEqual([second, undefined, undefined, first, second]);
  expect(together.map(shown)).toEqual(alone.map(shown));
  expect(await readRuns(db.database, [], STALE_AFTER_MS)).toEqual([]);
});

describe('a list', () => {
  test.each([
    '',
    'team=a',
    'team=',
    'team!=a',
    'team in (a,b)',
    'team in (a,b,"c d"),stage notin (a,"")',
    'team,!odd',
    '!team',
    'team=a,team=b',
    'team=a,team!=a',
    'team=nobody',
    'nokey!=x',
    'stage in ("c d",nothing),odd',
  ])('selected by "%s" holds in pages exactly the runs that match, in either order', async (text) => {
    const terms = termsOf(text);
    const expected = runs.filter((run) => terms.every((term) => holds(term, run.labels))).map((run) => run.id);
    for (const orderBy of ['id', 'created_at'] as const) {
      expect(await idsOf({ terms, orderBy, direction: 'asc' })).toEqual(expected);
      expect(await idsOf({ terms, orderBy, direction: 'desc' })).toEqual([...expected].reverse());
    }
  });

  test('with filters holds what passes all of them', async () => {
    const all = runs.map((run) => run.id).reverse();
    expect(await idsOf({ filters: { states: ['PENDING'] } })).toEqual(all);
    expect(
      await idsOf({ filters: { states: ['FAILED', 'PENDING'], workflowTitle: 'etl', workflowVersion: 1 } }),
    ).toEqual(all);
    expect(await idsOf({ filters: { workflowVersion: 2 } })).toEqual([]);
    expect(await idsOf({ filters: { workflowEngine: 'other' } })).toEqual([]);
    expect(await idsOf({ filters: { externalId: 'nothing' } })).toEqual([]);
    expect(await idsOf({ filters: { createdAfter: '2999-01-01T00:00:00Z' } })).toEqual([]);
    expect(await idsOf({ filters: { createdBefore: '2999-01-01T00:00:00Z' }, terms: termsOf('team=a,stage') })).toEqual(
      await idsOf({ terms: termsOf('stage,team=a') }),
    );
  });

  test.each(['team=a', 'team=b', 'team=a,stage=b', 'stage=b,team=a', 'team=nobody', 'team=a,odd="c d"'])(
    'finds the same by %s with a statement that is kept prepared, whatever labels it was prepared for',
    async (selector) => {
      expect(await idsOf({ terms: termsOf(selector), limit: 10 })).toEqual(await idsOf({ terms: termsOf(selector) }));
    },
  );

  test.each(['team', '!team', 'team,!odd', '!stage,!odd'])(
    'selected by "%s" holds the same when a key has more labels than are looked up at once',
    async (text) => {
      const terms = termsOf(text);
      const few = await idsOf({ terms });
      await db.database.query({
        text: `INSERT INTO labels (project, key, value)
               SELECT $1, key, 'many-' || i FROM generate_series(1, 1001) i, unnest(ARRAY['team', 'stage', 'odd']) key`,
        values: [project],
      });
      const many = await idsOf({ terms });
      await db.database.query({ text: `DELETE FROM labels WHERE value LIKE 'many-%'` });
      expect(few.length).toBeGreaterThan(0);
      expect(many).toEqual(few);
    },
  );

  test('names a run with several of the wanted labels once, of few and of many', async () => {
    const unknown = Array.from({ length: 20 }, (_, n) => `none-${n}`).join(',');
    const few = await idsOf({ terms: termsOf('team in (a,b)') });
    expect(new Set(few).size).toBe(few.length);
    expect(await idsOf({ terms: termsOf(`team in (a,b,${unknown})`) })).toEqual(few);
    expect(await idsOf({ terms: termsOf('team in (a,b)'), direction: 'asc' })).toEqual(few.reverse());
  });

  test('leaves out what is to be skipped', async () => {
    const { rows } = await listRuns(db.database, request({ skip: 5, limit: 3 }));
    expect(rows.map((row) => row.id)).toEqual(
      runs
        .map((run) => run.id)
        .reverse()
        .slice(5, 8),
    );
  });

  test('gives a guess of its length without counting', async () => {
    expect(
      await estimateRuns(db.database, { project, filters: { states: ['PENDING'] }, terms: termsOf('team=a') }),
    ).toBeGreaterThan(0);
  });
});

test('a page that looked at its share of candidates and found little says where it stopped', async () => {
  const many = await insertWorkflow('many', 'etl');
  await db.database.query({
    text: `WITH run AS (
             INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq)
             SELECT 'many', $1, 'local', 'many' || n, 'PENDING', 1 FROM generate_series(1, $2::integer) n RETURNING id
           ) INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, 'k' || id, 'submit' FROM run`,
    values: [many, MAX_CANDIDATES + 1],
  });
  const last = await createRun(
    db.database,
    newRun({ project: 'many', workflowId: many, labels: [{ key: 'rare', value: 'x' }] }),
  );
  for (const orderBy of ['id', 'created_at'] as const) {
    const list = request({ project: 'many', terms: termsOf('rare'), orderBy, direction: 'asc' });
    const first = await listRuns(db.database, list);
    expect(first).toEqual({ rows: [], next: expect.any(Array), unread: true });
    const second = await listRuns(db.database, { ...list, position: first.next });
    expect(second.rows.map((row) => row.id)).toEqual([last?.id]);
    expect(second.next).toBeUndefined();
  }
});

test.each(['asc', 'desc'] as const)('a page of one state, %s, walks over no run of another', async (direction) => {
  const owner = `walk-${direction}`;
  const workflow = await insertWorkflow(owner, 'etl');
  // Where such a page begins stand those of the other state: active ones are the newest.
  const others = direction === 'desc' ? 'n > 20000' : 'n < 5000';
  await db.database.query({
    text: `WITH run AS (
             INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, finished_at, event_seq)
             SELECT $2, $1, 'local', $2 || n, CASE WHEN ${others} THEN 'RUNNING' ELSE 'COMPLETED' END,
               CASE WHEN ${others} THEN NULL::timestamptz ELSE now() END, 1 FROM generate_series(1, 25000) n RETURNING id
           ) INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, $2 || id, 'submit' FROM run`,
    values: [workflow, owner],
  });
  await db.database.query({ text: 'ANALYZE workflow_runs' });
  const list = request({ project: owner, filters: { states: ['COMPLETED'] }, direction, limit: 50 });
  const explained: Db = {
    query: async <Row>({ text, values = [] }: Statement) => {
      const plan = await db.database.query({ text: `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values });
      const walked = JSON.stringify(plan.rows).matchAll(/"Rows Removed by Filter":(\d+)/g);
      expect([...walked].reduce((sum, [, rows]) => sum + Number(rows), 0)).toBeLessThan(50);
      return db.database.query<Row>({ text, values });
    },
  };
  const first = await listRuns(explained, list);
  expect(first.rows).toHaveLength(50);
  expect((await listRuns(explained, { ...list, position: first.next })).rows).toHaveLength(50);
});

test('no label is common enough to be read as a whole: each candidate is looked up', async () => {
  const owner = 'common';
  const workflow = await insertWorkflow(owner, 'etl');
  // A thousand runs far apart, and a label that all of them have: side by side they look like a few and a few.
  await db.database.query({
    text: `WITH label AS (
             INSERT INTO labels (project, key, value) VALUES ($2, 'sparse', 'x'), ($2, 'common', 'x') RETURNING id, key
           ), run AS (
             INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq)
             SELECT $2, $1, 'local', $2 || n, 'PENDING', 1 FROM generate_series(1, 25000) n RETURNING id
           ), executed AS (
             INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, $2 || id, 'submit' FROM run
           ) INSERT INTO workflow_run_labels (label_id, workflow_run_id)
             SELECT label.id, run.id FROM label CROSS JOIN run WHERE label.key = 'common' OR run.id % 40 = 0`,
    values: [workflow, owner],
  });
  await db.database.query({ text: 'ANALYZE' });
  let most = 0;
  const explained: Db = {
    query: async <Row>({ text, values = [] }: Statement) => {
      const plan = await db.database.query({ text: `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values });
      const read = JSON.stringify(plan.rows).matchAll(/"Actual Rows":([\d.]+)/g);
      most = Math.max(most, ...[...read].map(([, rows]) => Number(rows)));
      return db.database.query<Row>({ text, values });
    },
  };
  for (const selector of ['sparse=x,common=x', 'sparse=x,common!=x', 'sparse=x,common', 'sparse=x,!common']) {
    await listRuns(explained, request({ project: owner, terms: termsOf(selector), limit: 50 }));
  }
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(MAX_CANDIDATES);
});

function request(list: Partial<RunList>): RunList {
  return {
    project,
    filters: {},
    terms: [],
    orderBy: 'id',
    direction: 'desc',
    limit: 7,
    skip: 0,
    staleAfterMs: STALE_AFTER_MS,
    ...list,
  };
}

/** Ids over all pages. */
async function idsOf(list: Partial<RunList>): Promise<number[]> {
  const rows: ShownRun[] = [];
  let position: Position | undefined;
  do {
    const page = await listRuns(db.database, request({ ...list, position }));
    rows.push(...page.rows);
    position = page.next;
  } while (position !== undefined);
  return rows.map((row) => row.id);
}

function termsOf(text: string): LabelTerm[] {
  const parsed = parseLabelSelector(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.terms;
}

/** The meaning of a term as api.md says it. */
function holds(term: LabelTerm, labels: Label[]): boolean {
  const present = labels.filter((label) => label.key === term.key).map((label) => label.value);
  switch (term.op) {
    case 'in':
      return term.values.some((value) => present.includes(value));
    case 'not-in':
      return !term.values.some((value) => present.includes(value));
    case 'exists':
      return present.length > 0;
    case 'absent':
      return present.length === 0;
  }
}

function newRun(run: Partial<Parameters<typeof createRun>[1]>): Parameters<typeof createRun>[1] {
  return { project, workflowId, parameters: {}, labels: [], staleAfterMs: STALE_AFTER_MS, ...run };
}

async function insertWorkflow(owner: string, title: string): Promise<number> {
  const { rows } = await db.database.query<{ id: number }>({
    text: `INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
           VALUES ($1, $2, 1, 'local', 'signalbox/v1', '', '', 'READY') RETURNING id`,
    values: [owner, title],
  });
  return rows[0]?.id ?? 0;
}
