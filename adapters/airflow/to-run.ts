/** From Airflow's JSON of a DAG run to facts. Pure; throws `EngineError('unknown')` for what cannot be read. */
import type { Json } from '../../definition/definition-types.js';
import type { Marker } from '../spi/engine-adapter.js';
import { garbage, readList, readObject, readText, readTime } from '../spi/http/read-answer.js';
import type { PresentExecution, RunPhase } from '../spi/facts.js';
import { externalIdOf } from './dag-name.js';
import { markerOf, runStoppedAt, timeoutOf } from './marks.js';

/** Every word Airflow has for a run. What ended after a stop of ours is `cancelled`: Airflow has no word for it. */
export const RUN_WORDS: Record<string, RunPhase> = {
  queued: 'scheduled',
  running: 'running',
  success: 'succeeded',
  failed: 'failed',
};

export interface DagRun {
  dagId: string;
  runId: string;
  state: string;
  phase: RunPhase | undefined;
  note: string | null;
  startedAt: Date | undefined;
  finishedAt: Date | undefined;
  /** By the engine's clock, from the note; undefined = not stopped by us. */
  stoppedAt: Date | undefined;
  /** Of a compiled DAG: how long the whole run may take. */
  timeoutMs: number | undefined;
  /** Undefined for runs that are not ours. */
  marker: Marker | undefined;
  /** What a clear changes, and nothing else does (`baselineOf`). */
  baseline: string;
  /** Fields that only one dialect has. */
  json: Record<string, Json>;
}

export function readRun(answer: Json): DagRun {
  const json = readObject(answer, 'the DAG run');
  const state = readText(json['state'], 'state');
  const note = textOrNull(json['note']);
  const baseline = baselineOf(textOrNull(json['start_date']), textOrNull(json['end_date']));
  const stoppedAt = runStoppedAt(note, baseline);
  const finishedAt = readTime(json['end_date'] ?? null, 'end_date');
  return {
    dagId: readText(json['dag_id'], 'dag_id'),
    runId: readText(json['dag_run_id'], 'dag_run_id'),
    state,
    phase: phaseOf(state, finishedAt, stoppedAt),
    note,
    startedAt: readTime(json['start_date'] ?? null, 'start_date'),
    finishedAt,
    stoppedAt,
    timeoutMs: timeoutOf(json['conf']),
    marker: markerOf(json['conf']),
    baseline,
    json,
  };
}

/**
 * The start as Airflow writes it: a clear takes it away, and the run gets another one when it begins again. The end alone
 * tells nothing: of a run that we stopped the scheduler may write it a second time, ten seconds later (apache/airflow#57061).
 * A run that was stopped before it began has only its end, which a clear takes away too.
 */
function baselineOf(start: string | null, end: string | null): string {
  return start ?? `never begun, ended ${end ?? 'never'}`;
}

/**
 * The scheduler may call a run that we stopped `success` in the end: its last task was skipped, and a skipped leaf is no
 * failure (apache/airflow#57061, seen on 2.11.2).
 */
function phaseOf(state: string, finishedAt: Date | undefined, stoppedAt: Date | undefined): RunPhase | undefined {
  const phase = Object.hasOwn(RUN_WORDS, state) ? RUN_WORDS[state] : undefined;
  const isFinal = phase === 'failed' || phase === 'succeeded';
  const isStopped = stoppedAt !== undefined && (finishedAt === undefined || finishedAt >= stoppedAt);
  return isFinal && isStopped ? 'cancelled' : phase;
}

/** The run that was asked for: an answer about another one is no answer. */
export function readRunOf(answer: Json, dagId: string, runId: string): DagRun {
  const run = readRun(answer);
  if (run.dagId !== dagId || run.runId !== runId)
    throw garbage(`the run ${run.dagId} ${run.runId}, not ${dagId} ${runId}`);
  return run;
}

/** Runs of a list. One that cannot be read must not hide the others: it is missing. */
export function readRuns(answer: Json): DagRun[] {
  return readList(readObject(answer, 'the list of runs')['dag_runs'], 'dag_runs').flatMap((one) => {
    try {
      return [readRun(one)];
    } catch {
      return [];
    }
  });
}

/** A time of the engine that has to be there. */
export function mustBeTime(value: Json | undefined, what: string): Date {
  const time = readTime(value ?? null, what);
  if (!time) throw garbage(`${what} is missing`);
  return time;
}

export function toExecution(run: DagRun, key: string, engineUrl: string): PresentExecution {
  const { phase, startedAt, finishedAt } = run;
  return {
    presence: 'present',
    key,
    externalId: externalIdOf(run.dagId, run.runId),
    engineUrl,
    engineState: run.state,
    stopEvidence: run.stoppedAt !== undefined,
    baseline: run.baseline,
    ...(phase === undefined ? {} : { phase }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

export function textOrNull(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
