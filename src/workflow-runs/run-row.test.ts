import { NO_VERBS } from '../../adapters/spi/engine-adapter.js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createRun } from './create-run.js';
import { toWorkflowRun } from './run-row.js';
import { readRun } from './runs-store.js';

let db: TestDatabase;
let workflowId: number;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.query({ text: `INSERT INTO engines (name, kind, health_state) VALUES ('e', 'e', 'UP')` });
  const { rows } = await db.database.query<{ id: number }>({
    text: `INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
           VALUES ('p', 't', 1, 'e', 'native', '', '', 'READY') RETURNING id`,
  });
  workflowId = rows[0]?.id ?? 0;
});
afterAll(() => db.drop());

const STALE_AFTER_MS = 45_000;
const VERBS = { ...NO_VERBS, retry: 'native' } as const;

/** A run as the record has it: seconds are ages. */
interface Situation {
  reason: string;
  outcome: 'none' | 'known';
  run?: string;
  created?: number;
  submitted?: number;
  observed?: number;
  /** Begin of the engine's last complete pass. */
  pass?: number;
  health?: string;
  stale: boolean;
  cause?: string;
}

describe('an active run', () => {
  test.each<Situation>([
    { reason: 'just created', outcome: 'none', stale: false },
    {
      reason: 'just retried',
      outcome: 'none',
      created: 900,
      run: `generation = 2, desired_at = now() - interval '5 s'`,
      stale: false,
    },
    {
      reason: 'retried long ago, and not seen since',
      outcome: 'none',
      created: 900,
      run: `generation = 2, desired_at = now() - interval '60 s'`,
      stale: true,
      cause: 'not-observed',
    },
    { reason: 'seen a moment ago', outcome: 'known', created: 900, submitted: 900, observed: 5, stale: false },
    {
      reason: 'not seen for long',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 60,
      stale: true,
      cause: 'not-observed',
    },
    {
      reason: 'left alone by a recent pass',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      pass: 10,
      stale: false,
    },
    {
      reason: 'left alone by an old pass',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      pass: 90,
      stale: true,
      cause: 'not-observed',
    },
    {
      reason: 'submitted after the pass began',
      outcome: 'known',
      created: 900,
      submitted: 5,
      observed: 600,
      pass: 10,
      stale: true,
      cause: 'not-observed',
    },
    {
      reason: 'an exception to a recent pass',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      pass: 10,
      run: `read_error = '{"code":"timeout"}'`,
      stale: true,
      cause: 'timeout',
    },
    {
      reason: 'positively absent in a recent pass',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 20,
      pass: 10,
      run: `absent_since = now(), last_error = '{"code":"cancel-overdue"}'`,
      stale: true,
      cause: 'engine-run-absent',
    },
    {
      reason: 'absent from an engine whose memory is in doubt',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 20,
      pass: 10,
      run: `absent_since = now()`,
      health: 'SUSPECT',
      stale: true,
      cause: 'engine-suspect',
    },
    {
      reason: 'not seen because the engine is down',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 60,
      health: 'DOWN',
      stale: true,
      cause: 'engine-down',
    },
    {
      reason: 'not submitted for long',
      outcome: 'none',
      created: 900,
      run: `last_error = '{"code":"unavailable"}'`,
      stale: true,
      cause: 'unavailable',
    },
    {
      reason: 'held by its client before the submit',
      outcome: 'none',
      created: 900,
      run: `desired = 'paused', state = 'PAUSED'`,
      stale: false,
    },
    {
      reason: 'waiting for its workflow',
      outcome: 'none',
      created: 900,
      run: `state_reason = 'registration-pending'`,
      stale: false,
    },
    {
      reason: 'final, however long ago',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      run: `state = 'COMPLETED', finished_at = now()`,
      stale: false,
    },
  ])('$reason is stale: $stale', async (situation) => {
    const body = await shown(situation);
    expect(body['stale']).toBe(situation.stale);
    expect(body['stale_cause']).toBe(situation.cause);
  });

  test('shows the later of its own observation and the pass that covered it', async () => {
    const covered = await shown({
      reason: '',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      pass: 10,
      stale: false,
    });
    const alone = await shown({
      reason: '',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      stale: true,
    });
    const absent = await shown({
      reason: '',
      outcome: 'known',
      created: 900,
      submitted: 900,
      observed: 600,
      pass: 10,
      run: 'absent_since = now()',
      stale: true,
    });
    const ageOf = (body: Record<string, unknown>): number => Date.now() - Date.parse(String(body['observed_at']));
    expect(ageOf(covered)).toBeLessThan(60_000);
    expect(ageOf(alone)).toBeGreaterThan(500_000);
    // The pass asked about it, and did not see it.
    expect(ageOf(absent)).toBeGreaterThan(500_000);
  });
});

async function shown(situation: Situation): Promise<Record<string, unknown>> {
  const created = await createRun(db.database, {
    project: 'p',
    workflowId,
    parameters: {},
    labels: [],
    staleAfterMs: STALE_AFTER_MS,
  });
  const id = created?.id ?? 0;
  const ago = (seconds: number | undefined): string =>
    seconds === undefined ? 'NULL' : `now() - interval '${seconds} s'`;
  await db.database.query({
    text: `UPDATE workflow_runs SET created_at = ${ago(situation.created ?? 0)}, submitted_at = ${ago(situation.submitted)},
             observed_at = ${ago(situation.observed)}${situation.run === undefined ? '' : `, ${situation.run}`} WHERE id = $1`,
    values: [id],
  });
  await db.database.query({
    text: `UPDATE workflow_executions x SET outcome = $2, generation = r.generation
           FROM workflow_runs r WHERE r.id = x.workflow_run_id AND r.id = $1`,
    values: [id, situation.outcome],
  });
  await db.database.query({
    text: `UPDATE engines SET pass_began_at = ${ago(situation.pass)}, health_state = $1`,
    values: [situation.health ?? 'UP'],
  });
  const row = await readRun(db.database, { project: 'p', id }, STALE_AFTER_MS);
  if (!row) throw new Error('the run is gone');
  return JSON.parse(toWorkflowRun(row, VERBS)) as Record<string, unknown>;
}
