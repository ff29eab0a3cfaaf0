/** The checker itself: sound records pass, and each way of breaking them is caught. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import type { DriftOptions } from '../support/check-drift.js';
import { check, type EngineWitness, type Told, type Violation } from '../support/checker.js';

const KEY = (id: number, generation = 1): string => `sb-${'a'.repeat(25)}${id}-g${generation}`;

let testDatabase: TestDatabase;
let workflow: number;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const { rows } = await query<{ id: number }>(
    `INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
     VALUES ('default', 'w', 1, 'se', 'native', '', '', 'READY') RETURNING id`,
  );
  workflow = rows[0]?.id ?? 0;
});
afterAll(() => testDatabase.drop());

/** What the sound records were asked for. */
const REQUESTED = [
  { id: 3, type: 'CANCEL' },
  { id: 4, type: 'RETRY' },
];

const LATE_AFTER_MS = 4_000;
/** Milliseconds since the epoch. */
const LAST_LOOK_AT = Date.parse('2026-01-01T12:00:00Z');

/** Run 3 was looked for in vain for so long, and surfaced. */
function givenUpFor(ms: number): string {
  return `
    UPDATE workflow_executions SET outcome = 'unknown', absent_until = to_timestamp(${LAST_LOOK_AT} / 1000.0),
      absent_since = to_timestamp(${LAST_LOOK_AT} / 1000.0) - interval '${ms} milliseconds' WHERE workflow_run_id = 3;
    INSERT INTO drift (workflow_engine, kind, workflow_run_id, external_id, detail) VALUES
      ('se', 'late-execution', 3, NULL, 'found running'), ('se', 'late-execution', 3, 'x', 'surfaced as running; cancelled')`;
}

/** The engine made the execution of run 3 at a moment, and did this with it afterwards. */
function surfaced(sound: EngineWitness, at: number, ...then: string[]): EngineWitness {
  const entries = ['created', ...then].map((did, index) => ({ seq: 2 + index, at: at + index, did, key: KEY(3) }));
  const journal = entries.map((entry, index) => ({
    ...entry,
    verb: index === 0 ? ('submit' as const) : ('cancel' as const),
  }));
  return { journal: [...sound.journal, ...journal], created: { ...sound.created, [KEY(3)]: 1 } };
}

interface Case {
  reason: string;
  /** Changes sound records: run 2 completed, run 3 cancelled before it was sent, run 4 failed and retried in place. */
  breakIt?: string;
  told?: (sound: Told) => Told;
  witness?: (sound: EngineWitness) => EngineWitness;
  options?: DriftOptions;
  caught: string[];
}

const CASES: Case[] = [
  { reason: 'sound records', caught: [] },
  { reason: 'a 201 without a row', told: () => ({ created: [2, 3, 4, 99] }), caught: ['I1'] },
  { reason: 'a row without a 201', told: () => ({ created: [2, 3] }), caught: ['I1'] },
  { reason: 'an answer nobody saw', told: () => ({ created: [2, 3], unanswered: true }), caught: [] },
  {
    reason: 'a client saw a final state that is gone',
    told: (sound) => ({ ...sound, seen: [{ id: 2, generation: 1, state: 'FAILED' }] }),
    caught: ['I3'],
  },
  {
    reason: 'a client saw a state after the one that ended it',
    told: (sound) => ({
      ...sound,
      seen: [
        { id: 2, generation: 1, state: 'COMPLETED' },
        { id: 2, generation: 1, state: 'RUNNING' },
      ],
    }),
    caught: ['I3'],
  },
  {
    reason: 'a client saw what the history says, in its order',
    told: (sound) => ({
      ...sound,
      seen: ['PENDING', 'PENDING', 'RUNNING', 'COMPLETED'].map((state) => ({ id: 2, generation: 1, state })),
    }),
    caught: [],
  },
  {
    reason: 'the accepted requests and no others',
    told: (sound) => ({ ...sound, accepted: [...REQUESTED] }),
    caught: [],
  },
  {
    reason: 'an accepted cancel that left no trace',
    told: (sound) => ({ ...sound, accepted: [...REQUESTED, { id: 2, type: 'CANCEL' }] }),
    caught: ['I4'],
  },
  {
    reason: 'a retry that was accepted once and stored twice',
    breakIt: `INSERT INTO lifecycle_events (workflow_run_id, seq, type, from_state, to_state, generation, source)
              VALUES (4, 5, 'RETRY', 'COMPLETED', 'COMPLETED', 2, 'client');
              UPDATE workflow_runs SET event_seq = 5 WHERE id = 4`,
    told: (sound) => ({ ...sound, accepted: [...REQUESTED] }),
    caught: ['I4'],
  },
  { reason: 'two executions of one run', witness: (sound) => executed(sound, KEY(2), 2), caught: ['I2'] },
  { reason: 'a completed run nobody executed', witness: (sound) => executed(sound, KEY(2), 0), caught: ['I2'] },
  { reason: 'an execution of no run', witness: (sound) => executed(sound, KEY(8), 1), caught: ['I2'] },
  {
    reason: 'one retry, cleared twice',
    witness: (sound) => ({ ...sound, journal: [...sound.journal, ...sound.journal] }),
    caught: ['I2'],
  },
  {
    reason: 'a gap in the events',
    breakIt: `UPDATE lifecycle_events SET seq = 9 WHERE workflow_run_id = 2 AND seq = 3`,
    caught: ['I12'],
  },
  {
    reason: 'a lost last event',
    breakIt: `DELETE FROM lifecycle_events WHERE workflow_run_id = 2 AND seq = 3`,
    caught: ['I12', 'I5'],
  },
  {
    reason: 'a final state followed by another',
    breakIt: `INSERT INTO lifecycle_events (workflow_run_id, seq, type, from_state, to_state, generation, source)
              VALUES (2, 4, 'STATE', 'COMPLETED', 'FAILED', 1, 'engine');
              UPDATE workflow_runs SET event_seq = 4, state = 'FAILED', failure = '{}' WHERE id = 2`,
    caught: ['I3', 'I6'],
  },
  {
    reason: 'a generation that begins without a retry',
    breakIt: `UPDATE lifecycle_events SET type = 'STATE' WHERE workflow_run_id = 4 AND type = 'RETRY'`,
    caught: ['I3'],
  },
  {
    reason: 'a cancel that is neither applied nor reported',
    breakIt: `UPDATE workflow_runs SET state = 'CANCELLING', finished_at = NULL, desired_at = now() - interval '1 hour' WHERE id = 3;
              UPDATE lifecycle_events SET to_state = 'CANCELLING' WHERE workflow_run_id = 3 AND seq = 2`,
    witness: (sound) => executed(sound, KEY(3), 1),
    caught: ['I4'],
  },
  {
    reason: 'drift nobody expected',
    breakIt: `INSERT INTO drift (workflow_engine, kind, workflow_run_id, detail) VALUES ('se', 'state', 2, 'd')`,
    caught: ['I16'],
  },
  {
    reason: 'a late execution whose call came after the last look for it, and that was cancelled on sight',
    breakIt: givenUpFor(LATE_AFTER_MS),
    witness: (sound) => surfaced(sound, LAST_LOOK_AT, 'stop graceful'),
    caught: [],
  },
  {
    reason: 'a late execution that had ended when it was seen',
    breakIt: `${givenUpFor(LATE_AFTER_MS)};
              UPDATE drift SET detail = 'surfaced as success; it had ended already' WHERE external_id = 'x'`,
    witness: (sound) => surfaced(sound, LAST_LOOK_AT),
    caught: [],
  },
  {
    reason: 'a late execution that nobody cancelled',
    breakIt: givenUpFor(LATE_AFTER_MS),
    witness: (sound) => surfaced(sound, LAST_LOOK_AT),
    caught: ['I16'],
  },
  {
    reason: 'an execution called late that the last look should have found',
    breakIt: givenUpFor(LATE_AFTER_MS),
    witness: (sound) => surfaced(sound, LAST_LOOK_AT - 1, 'stop graceful'),
    caught: ['I16'],
  },
  {
    reason: 'an execution that was not looked for until the end of the grace',
    breakIt: givenUpFor(LATE_AFTER_MS - 1),
    witness: (sound) => surfaced(sound, LAST_LOOK_AT, 'stop graceful'),
    caught: ['I16'],
  },
  {
    reason: 'an execution called late of which the engine was never asked again',
    breakIt: `${givenUpFor(LATE_AFTER_MS)}; UPDATE workflow_executions SET absent_until = NULL`,
    witness: (sound) => surfaced(sound, LAST_LOOK_AT, 'stop graceful'),
    caught: ['I16'],
  },
  {
    reason: 'a late execution where no fault could have put off its call',
    breakIt: givenUpFor(LATE_AFTER_MS),
    witness: (sound) => surfaced(sound, LAST_LOOK_AT, 'stop graceful'),
    options: {},
    caught: ['I16'],
  },
];

for (const one of CASES) {
  test(`${one.reason}: ${one.caught.length === 0 ? 'nothing is said' : one.caught.join(', ')}`, async () => {
    await soundRecords();
    if (one.breakIt !== undefined) await query(one.breakIt);
    const told: Told = { created: [2, 3, 4] };
    const cleared = { seq: 1, at: 0, verb: 'retry' as const, key: KEY(4), did: 'cleared 1' };
    const witness: EngineWitness = { journal: [cleared], created: { [KEY(2)]: 1, [KEY(4)]: 1 } };
    const violations: Violation[] = await check(
      testDatabase.database,
      one.told?.(told) ?? told,
      one.witness?.(witness) ?? witness,
      { cancelGraceMs: 1_000, ...(one.options ?? { lateAfterMs: LATE_AFTER_MS }) },
    );
    expect([...new Set(violations.map((violation) => violation.invariant))].sort()).toEqual([...one.caught].sort());
  });
}

async function soundRecords(): Promise<void> {
  await query('DELETE FROM drift');
  await query('DELETE FROM workflow_runs');
  await query(`
    INSERT INTO workflow_runs (id, project, workflow_id, workflow_engine, token, state, state_reason, generation, event_seq, desired, finished_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, 'default', ${workflow}, 'se', 'token' || id, state, NULL, generation, seq, desired, now()
    FROM (VALUES (2, 'COMPLETED', 1, 3, 'run'), (3, 'CANCELLED', 1, 2, 'cancelled'), (4, 'COMPLETED', 2, 4, 'run'))
      AS r(id, state, generation, seq, desired)`);
  await query(`
    INSERT INTO workflow_executions (workflow_run_id, generation, key, verb)
    VALUES (2, 1, '${KEY(2)}', 'submit'), (3, 1, '${KEY(3)}', 'submit'), (4, 1, '${KEY(4)}', 'submit'), (4, 2, '${KEY(4)}', 'retry')`);
  await query(`
    INSERT INTO lifecycle_events (workflow_run_id, seq, type, from_state, to_state, generation, source) VALUES
      (2, 1, 'CREATED', NULL, 'PENDING', 1, 'client'), (2, 2, 'STATE', 'PENDING', 'RUNNING', 1, 'engine'),
      (2, 3, 'STATE', 'RUNNING', 'COMPLETED', 1, 'engine'),
      (3, 1, 'CREATED', NULL, 'PENDING', 1, 'client'), (3, 2, 'CANCEL', 'PENDING', 'CANCELLED', 1, 'client'),
      (4, 1, 'CREATED', NULL, 'PENDING', 1, 'client'), (4, 2, 'STATE', 'PENDING', 'FAILED', 1, 'engine'),
      (4, 3, 'RETRY', 'FAILED', 'RETRYING', 2, 'client'), (4, 4, 'STATE', 'RETRYING', 'COMPLETED', 2, 'engine')`);
}

function executed(sound: EngineWitness, key: string, count: number): EngineWitness {
  return { ...sound, created: { ...sound.created, [key]: count } };
}

function query<Row>(text: string): Promise<{ rows: Row[]; rowCount: number }> {
  return testDatabase.database.query<Row>({ text });
}
