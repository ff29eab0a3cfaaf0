import { FINAL_TASK_STATES, type Observation } from '../../adapters/spi/facts.js';
import { moveRuns, type Move } from '../lifecycle/move-runs.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { lockRunRecords, readRunRecords } from '../lifecycle/run-store.js';
import { isFinal } from '../lifecycle/run-state.js';
import type { Database, Db } from '../platform/database.js';
import { isRefusedValue } from '../platform/database-errors.js';
import type { Metrics } from '../platform/metrics.js';
import { decide, type Decision, type ObservationContext } from './decide.js';
import { recordRunDrift } from './run-drift.js';
import { closeOpenTaskRuns, storeTaskRuns } from './store-task-runs.js';
import { unknownWordLabel } from './unknown-words.js';

type ObservationMetrics = Pick<Metrics, 'unknownStates' | 'droppedObservations'>;

export interface Seen {
  run: RunRecord;
  observation: Observation;
}

export interface Applied {
  /** Runs whose row was written. */
  changed: number;
  /** Runs that have to be read whole before anything can be said. */
  whole: RunRecord[];
  /** Runs whose facts could not be applied; the others were. */
  failed: { runId: number; code: string; message: string }[];
}

/** A run changed between our read and our write is decided on again, this many times. */
const ATTEMPTS = 5;

/** Decides on every observation and stores what follows: bulk compare-and-set, one bad run never stops the others. */
export async function applyObservations(
  database: Database,
  metrics: ObservationMetrics,
  engine: string,
  seen: Seen[],
  ctx: ObservationContext,
): Promise<Applied> {
  const applied: Applied = { changed: 0, whole: [], failed: [] };
  let open = seen;
  for (let attempt = 1; open.length > 0; attempt++) {
    const missed = await applyOnce(database, metrics, engine, open, ctx, applied);
    if (missed.length === 0) break;
    if (attempt === ATTEMPTS) {
      metrics.droppedObservations.inc({ reason: 'contended' }, missed.length);
      break;
    }
    const fresh = new Map(
      (
        await readRunRecords(
          database,
          missed.map((one) => one.run.id),
        )
      ).map((run) => [run.id, run]),
    );
    open = missed.flatMap((one) => {
      const run = fresh.get(one.run.id);
      // A newer generation makes the facts of the older one void.
      if (!run || run.generation !== one.run.generation) {
        metrics.droppedObservations.inc({ reason: 'older-generation' });
        return [];
      }
      return [{ run, observation: one.observation }];
    });
  }
  await markUnapplied(database, applied.failed, ctx.at);
  return applied;
}

/** Returns those whose row was changed by somebody else meanwhile. */
async function applyOnce(
  database: Database,
  metrics: ObservationMetrics,
  engine: string,
  seen: Seen[],
  ctx: ObservationContext,
  applied: Applied,
): Promise<Seen[]> {
  const plain: (Seen & { move: Move })[] = [];
  const missed: Seen[] = [];
  for (const one of seen) {
    let decision: Decision;
    try {
      decision = decide(one.run, one.observation, ctx);
    } catch (error) {
      applied.failed.push(failure(one.run, error));
      continue;
    }
    if ('unknownWord' in decision && decision.unknownWord !== undefined) {
      metrics.unknownStates.inc({ engine, word: unknownWordLabel(decision.unknownWord) });
    }
    switch (decision.do) {
      case 'nothing':
        break;
      case 'observe-whole':
        applied.whole.push(one.run);
        break;
      case 'correct-tasks':
        await unlessRefused(one.run, applied, () => correctTasks(database, one, ctx.at));
        break;
      case 'drift':
        await recordRunDrift(database, engine, one.run, decision);
        break;
      case 'store': {
        const move = { before: one.run, after: decision.record, events: decision.events };
        const facts = one.observation.presence === 'present' ? one.observation.taskRuns : undefined;
        if (facts === undefined && !isFinal(move.after.state)) plain.push({ ...one, move });
        else {
          const stored = await unlessRefused(one.run, applied, () => storeWhole(database, metrics, move, one, ctx));
          if (stored === true) applied.changed += 1;
          else if (stored === false) missed.push(one);
        }
        break;
      }
    }
  }
  const written = await moveEach(
    database,
    plain.map((one) => one.move),
    applied,
  );
  applied.changed += written.size;
  const refused = new Set(applied.failed.map(({ runId }) => runId));
  missed.push(...plain.filter(({ run, move }) => !written.has(move) && !refused.has(run.id)));
  return missed;
}

/** All in one statement; where the database refuses that for what is in one of them, each by itself. */
async function moveEach(database: Database, moves: Move[], applied: Applied): Promise<Set<Move>> {
  try {
    return await moveRuns(database, moves);
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
  }
  const written = new Set<Move>();
  for (const move of moves) {
    const one = await unlessRefused(move.before, applied, () => moveRuns(database, [move]));
    if (one?.has(move) === true) written.add(move);
  }
  return written;
}

/** One run whose facts the database refuses is listed as failed, and stops nobody else. */
async function unlessRefused<T>(run: RunRecord, applied: Applied, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    applied.failed.push(failure(run, error));
    return undefined;
  }
}

/** The run and its task runs in one transaction: a final state is never there without its tasks. */
async function storeWhole(
  database: Database,
  metrics: ObservationMetrics,
  move: Move,
  { observation }: Seen,
  { at, taskSettleMs }: ObservationContext,
): Promise<boolean> {
  return database.transaction(async (db: Db) => {
    const written = await moveRuns(db, [move]);
    if (!written.has(move)) return false;
    if (observation.presence === 'present' && observation.taskRuns) {
      const dropped = await storeTaskRuns(db, move.after, observation.taskRuns, at);
      if (dropped.length > 0) metrics.droppedObservations.inc({ reason: 'unknown-task' }, dropped.length);
    }
    if (isFinal(move.after.state)) await closeOpenTaskRuns(db, move.before.id, move.after.state, at, taskSettleMs / 2);
    return true;
  });
}

/** Only last words: a task the engine still calls open does not open a run that has ended. */
async function correctTasks(database: Database, { run, observation }: Seen, at: Date): Promise<void> {
  if (observation.presence !== 'present') return;
  const facts = (observation.taskRuns ?? []).filter((fact) => FINAL_TASK_STATES.includes(fact.state));
  await database.transaction(async (db) => {
    const [fresh] = await lockRunRecords(db, [run.id]);
    if (fresh?.generation === run.generation) await storeTaskRuns(db, run, facts, at);
  });
}

/** A run whose facts could not be applied is not covered by the pass: its row says so. */
async function markUnapplied(db: Db, failed: Applied['failed'], at: Date): Promise<void> {
  if (failed.length === 0) return;
  await db.query({
    name: 'mark-unapplied',
    text: `UPDATE workflow_runs r SET version = r.version + 1,
             read_error = jsonb_build_object('code', 'observation-not-applied', 'message', f.message, 'at', $3::timestamptz)
           FROM unnest($1::bigint[], $2::text[]) AS f(id, message) WHERE r.id = f.id`,
    values: [failed.map((one) => one.runId), failed.map((one) => one.message), at],
  });
}

function failure(run: RunRecord, error: unknown): Applied['failed'][number] {
  return {
    runId: run.id,
    code: 'observation-not-applied',
    message: error instanceof Error ? error.message : String(error),
  };
}
