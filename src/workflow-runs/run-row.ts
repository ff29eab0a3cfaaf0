/** The row of a workflow run as answers need it, and the one way from there to a response. */
import type { VerbSupport } from '../../adapters/spi/engine-adapter.js';
import { allowedActions } from '../lifecycle/allowed-actions.js';
import type { Desired, Outcome } from '../lifecycle/run-record.js';
import type { RunState } from '../lifecycle/run-state.js';
import { JSON_LABELS, jsonMembers, jsonString, jsonWord } from '../lists/sql-json.js';
import { rfc3339, sqlMicroseconds } from '../lists/sql-time.js';

/** What an answer about a run is made of. */
export interface ShownRun {
  id: number;
  /** `state desired outcome generation pauseSent engine`: what the allowed actions depend on, in one column. The generation is 2 at most. */
  situation: string;
  /** Why it is stale; null = it is not. */
  staleCause: string | null;
  /** The response as JSON text up to its times, without a closing brace: what the database knows, in the response's own names. */
  head: string;
  /** Microseconds since 1970 of `TIMES`, with commas between them; nothing for a time that has not come. */
  times: string;
  /** What comes after the times: parameters and outputs. */
  values: string;
}

/** A run read by itself: what decides whether to look again and what to wait for. */
export interface RunRow extends ShownRun {
  engine: string;
  state: RunState;
  outcome: Outcome;
  eventSeq: number;
  /** Milliseconds since the effective observation; null when there is none. */
  observedAgeMs: number | null;
}

/** Columns of `RunRow`; the rest as `shownColumns`. */
export function runColumns(staleAfterMs: string, labels: string = STORED_LABELS): string {
  return `
  r.workflow_engine AS engine, r.state, x.outcome, r.event_seq AS "eventSeq", date_part('epoch', clock_timestamp() - ${OBSERVED_AT}) * 1000 AS "observedAgeMs",
  ${shownColumns(staleAfterMs, labels)}`;
}

/** Columns of `ShownRun`, as `shownParts` has them. */
function shownColumns(staleAfterMs: string, labels: string): string {
  const parts = Object.entries(shownParts(staleAfterMs, labels));
  return parts.map(([name, sql]) => `${sql} AS "${name}"`).join(',\n  ');
}

/**
 * SQL of what `ShownRun` holds; needs `RUN_JOINS` and the placeholder of the milliseconds after which an observation is stale.
 * `labels` is SQL of their JSON list, NULL where there are none.
 * JSON is built here because PostgreSQL does it three times faster than Node would from rows, but for times, which Node writes
 * in a tenth of what PostgreSQL takes.
 */
export function shownParts(staleAfterMs: string, labels: string): Record<keyof ShownRun, string> {
  return {
    id: 'r.id',
    situation: `concat_ws(' ', r.state, r.desired, x.outcome, least(r.generation, 2), x.pause_sent, r.workflow_engine)`,
    staleCause: `CASE WHEN r.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED') AND (
    r.read_error IS NOT NULL OR r.absent_since IS NOT NULL
    OR NOT ${WAITS} AND coalesce(${OBSERVED_AT}, ${BEGUN_AT})
      < clock_timestamp() - ${staleAfterMs}::float8 * interval '1 millisecond')
  THEN coalesce(r.read_error->>'code', 'engine-' || lower(nullif(nullif(g.health_state, 'UP'), 'UNKNOWN')),
    CASE WHEN r.absent_since IS NOT NULL THEN 'engine-run-absent' END, r.last_error->>'code', 'not-observed') END`,
    head: `'{' || ${jsonMembers({
      id: 'r.id',
      workflow: `'{"id":' || w.id || ',"title":' || ${jsonString('w.title')} || ',"version":' || w.version || '}'`,
      workflow_engine: jsonWord('r.workflow_engine'),
      state: jsonWord('r.state'),
      state_reason: jsonString('r.state_reason'),
      failure: 'jsonb_strip_nulls(r.failure)::text',
      labels: `coalesce(${labels}, '[]')`,
      external_id: jsonString('x.external_id'),
      engine_url: jsonString('r.engine_url'),
      origin: jsonWord('r.origin'),
      generation: 'r.generation',
    })}`,
    times: `concat(${Object.values(TIMES).map(sqlMicroseconds).join(`, ',', `)})`,
    // Values of clients and tasks may be null, and stay.
    values: `',"parameters":' || r.parameters::text
  || CASE WHEN r.state = 'COMPLETED' AND r.outputs IS NOT NULL THEN ',"outputs":' || r.outputs::text ELSE '' END`,
  };
}

export const RUN_JOINS = `
  JOIN workflow_executions x ON x.workflow_run_id = r.id AND x.generation = r.generation
  JOIN workflows w ON w.id = r.workflow_id
  LEFT JOIN engines g ON g.name = r.workflow_engine`;

/** A complete pass that left a run alone saw it as stored; one that was read without success, or not found, is an exception to it. */
const OBSERVED_AT = `(CASE
  WHEN r.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED') AND r.read_error IS NULL AND r.absent_since IS NULL
    AND x.outcome = 'known' AND r.submitted_at < g.pass_began_at
  THEN greatest(r.observed_at, g.pass_began_at) ELSE r.observed_at END)`;

/** The generation, which may not have been seen yet. */
const BEGUN_AT = `CASE WHEN r.generation = 1 THEN r.created_at ELSE r.desired_at END`;

/** Nothing was sent to the engine and nothing is due to be: there is nothing to observe. */
const WAITS = `(x.outcome = 'none' AND (r.desired = 'paused' OR r.state_reason IS NOT DISTINCT FROM 'registration-pending'))`;

/** Members of the response that are times, and where they come from. */
const TIMES = {
  created_at: 'r.created_at',
  updated_at: 'r.updated_at',
  submitted_at: 'r.submitted_at',
  started_at: 'r.started_at',
  finished_at: 'r.finished_at',
  observed_at: OBSERVED_AT,
} as const;

const STORED_LABELS = `(
      SELECT ${JSON_LABELS} FROM workflow_run_labels l JOIN labels k ON k.id = l.label_id WHERE l.workflow_run_id = r.id)`;

/** What a response has beyond the row. */
export interface RunExtras {
  /** A refresh that failed now: its cause. */
  staleCause?: string | undefined;
  /** JSON list of task runs. */
  taskRuns?: string | undefined;
}

/** The response of a run as JSON text. `verbs` are the engine's. */
export function toWorkflowRun(row: ShownRun, verbs: VerbSupport, extras?: RunExtras): string {
  const pieces: string[] = [];
  addWorkflowRun(pieces, row, verbs, extras);
  return pieces.join('');
}

/**
 * Adds the texts that make up the response. They are joined once, with those of all runs of a page: a text that grew by small
 * ones is a tree of them, and costs more to lay flat than to write.
 */
export function addWorkflowRun(pieces: string[], row: ShownRun, verbs: VerbSupport, extras: RunExtras = {}): void {
  const cause = extras.staleCause ?? row.staleCause ?? undefined;
  pieces.push(row.head, timeMembers(row.times), row.values, allowedActionsMember(row.situation, verbs));
  pieces.push(cause === undefined ? '"stale":false' : `"stale":true,"stale_cause":${JSON.stringify(cause)}`);
  pieces.push(extras.taskRuns === undefined ? '}' : `,"task_runs":${extras.taskRuns}}`);
}

const TIME_MEMBERS = Object.keys(TIMES).map((name) => `,"${name}":"`);

function timeMembers(times: string): string {
  let members = '';
  let at = 0;
  for (const member of TIME_MEMBERS) {
    const comma = times.indexOf(',', at);
    const end = comma < 0 ? times.length : comma;
    if (end > at) members += `${member}${rfc3339(times, at, end)}"`;
    at = end + 1;
  }
  return members;
}

/** The engine of a run; its name holds no blank. */
export function engineOf({ situation }: ShownRun): string {
  return situation.slice(situation.lastIndexOf(' ') + 1);
}

/** By what an engine can do and the situation: few combinations exist, and a list holds a thousand rows of them. */
const actionMembers = new WeakMap<VerbSupport, Map<string, string>>();

/** The member with a comma on either side. */
function allowedActionsMember(situation: string, verbs: VerbSupport): string {
  const known = actionMembers.get(verbs) ?? new Map<string, string>();
  let text = known.get(situation);
  if (text === undefined) {
    const [state, desired, outcome, generation, paused] = situation.split(' ') as [
      RunState,
      Desired,
      Outcome,
      string,
      string,
    ];
    const run = { state, desired, generation: Number(generation), execution: { outcome, pauseSent: paused === 't' } };
    text = `,"allowed_actions":${JSON.stringify(allowedActions(run, verbs))},`;
    actionMembers.set(verbs, known.set(situation, text));
  }
  return text;
}
