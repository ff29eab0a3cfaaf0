import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { parseLabelSelector, type LabelTerm } from '../labels/label-selector.js';
import type { Db } from '../platform/database.js';
import { preparedName } from './prepared-pages.js';
import type { RunList } from './run-list.js';
import { listRuns } from './runs-store.js';

describe('the statement of a page', () => {
  test.each<[string, Partial<RunList> & { selector?: string }, 'kept' | 'planned']>([
    ['of all runs is kept', {}, 'kept'],
    ['of one state is kept', { filters: { states: ['FAILED'] } }, 'kept'],
    [
      'of two states is planned: how many runs are in them decides',
      { filters: { states: ['FAILED', 'CANCELLED'] } },
      'planned',
    ],
    ['of one workflow is planned', { filters: { workflowTitle: 'etl' } }, 'planned'],
    ['of one or two labels is kept', { selector: 'team=a,stage=b' }, 'kept'],
    ['of a selector that comes again is kept', { selector: '!team,stage in (a,b)' }, 'kept'],
    [
      'of one and a state is kept: the row is found by its id',
      { selector: '!team', filters: { states: ['FAILED'] } },
      'kept',
    ],
    ['of one and states is kept', { selector: '!team', filters: { states: ['FAILED', 'CANCELLED'] } }, 'kept'],
    ['of one and another filter is planned', { selector: '!team', filters: { externalId: 'x' } }, 'planned'],
    ['of a later page of one is planned: who walks a list comes once', { selector: '!team', position: [9] }, 'planned'],
    ['of one by the time of creation is planned', { selector: '!team', orderBy: 'created_at' }, 'planned'],
    ['of eight terms is kept', { selector: '!a,!b,!c,!d,!e,!f,!g,!h' }, 'kept'],
    ['of more terms is planned: its plan is large', { selector: '!a,!b,!c,!d,!e,!f,!g,!h,!i' }, 'planned'],
    ['of a size that few ask for is planned', { limit: 7 }, 'planned'],
    ['of which entries are skipped is planned', { skip: 1 }, 'planned'],
  ])('%s', (title, { selector, ...list }, expected) => {
    const asked = request({ ...list, terms: termsOf(selector ?? '') });
    const names = [1, 2, 3].map(() => preparedName(asked, title).name);
    expect(names.at(-1) === undefined ? 'planned' : 'kept').toBe(expected);
  });
});

describe('a plan that is kept', () => {
  const MANY = 20_000;
  let db: TestDatabase;

  beforeAll(async () => {
    db = await createTestDatabase();
    await insertRuns('large', MANY);
    // What the planner knows: all runs are of one project, and nearly all labels of one key.
    await db.database.query({
      text: `INSERT INTO labels (project, key, value) SELECT 'large', 'commit', i::text FROM generate_series(1, ${MANY}) i`,
    });
    await db.database.query({ text: 'ANALYZE' });
    await insertRuns('small', 8);
  });
  afterAll(() => db.drop());

  test.each(['', 'team=a', 'team!=a', '!team', 'stage', 'nobody', 'team!=a,!stage'])(
    'by "%s" reads no run of a project that has nearly all of them for a page of another',
    async (selector) => {
      for (const direction of ['desc', 'asc'] as const) {
        const { ids, read } = await keptPage({ project: 'small', terms: termsOf(selector), direction });
        expect(ids).toEqual(await plannedPage({ project: 'small', terms: termsOf(selector), direction }));
        expect(read).toBeLessThan(200);
      }
    },
  );

  test.each(['!nobody', 'team', 'team=a,!nobody'])(
    'looks at no more runs for a page that "%s" fills',
    async (selector) => {
      const { ids, read } = await keptPage({ project: 'large', terms: termsOf(selector) });
      expect(ids).toHaveLength(50);
      expect(read).toBeLessThan(800);
    },
  );

  test('answers for other labels as one that is made for them', async () => {
    const found = [];
    for (const project of ['small', 'large']) {
      for (const selector of [
        'team in (a,b),!stage',
        'team in (c,d),!other',
        'team in (none,"c"),!team',
        'team in (b,c),!commit',
      ]) {
        const list = { project, terms: termsOf(selector) };
        const { ids } = await keptPage(list);
        expect(ids).toEqual(await plannedPage(list));
        found.push(ids.length);
      }
    }
    expect(found).toEqual([2, 2, 0, 4, 50, 50, 0, 50]);
  });

  /** With a plan for all values, as a connection has it after some pages; how many rows the statement read in all tables. */
  async function keptPage(list: Partial<RunList>): Promise<{ ids: number[]; read: number }> {
    return db.database.transaction(async (one) => {
      await one.query({ text: 'SET LOCAL plan_cache_mode = force_generic_plan' });
      const asked = request(list);
      // Until it is kept.
      for (let time = 0; time < 3; time++) await listRuns(one, asked);
      const before = await rowsRead(one);
      const { rows } = await listRuns(one, asked);
      return { ids: rows.map((run) => run.id), read: (await rowsRead(one)) - before };
    });
  }

  /** Of a size that is not kept. */
  async function plannedPage(list: Partial<RunList>): Promise<number[]> {
    const { rows } = await listRuns(db.database, request({ ...list, limit: 51 }));
    return rows.slice(0, 50).map((run) => run.id);
  }

  async function rowsRead(one: Db): Promise<number> {
    const { rows } = await one.query<{ read: number }>({
      text: `SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint AS read FROM pg_stat_xact_user_tables`,
    });
    return rows[0]?.read ?? 0;
  }

  async function insertRuns(project: string, count: number): Promise<void> {
    await db.database.query({
      text: `WITH workflow AS (
               INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
               VALUES ($1, 'etl', 1, 'local', 'signalbox/v1', '', '', 'READY') RETURNING id
             ), run AS (
               INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq)
               SELECT $1, workflow.id, 'local', $1 || n, 'PENDING', 1 FROM workflow, generate_series(1, $2::integer) n RETURNING id
             ), executed AS (
               INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, $1 || id, 'submit' FROM run
             ), label AS (
               INSERT INTO labels (project, key, value)
               VALUES ($1, 'team', 'a'), ($1, 'team', 'b'), ($1, 'team', 'c'), ($1, 'stage', 'x') RETURNING id, key, value
             ) INSERT INTO workflow_run_labels (label_id, workflow_run_id)
               SELECT label.id, run.id FROM run, label
               WHERE CASE label.key WHEN 'team' THEN run.id % 4 = ascii(label.value) - ascii('a') ELSE run.id % 2 = 0 END`,
      values: [project, count],
    });
  }
});

function request(list: Partial<RunList>): RunList {
  return {
    project: 'small',
    filters: {},
    terms: [],
    orderBy: 'id',
    direction: 'desc',
    limit: 50,
    skip: 0,
    staleAfterMs: 45_000,
    ...list,
  };
}

function termsOf(text: string): LabelTerm[] {
  const parsed = parseLabelSelector(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.terms;
}
