/**
 * What must hold after any run of the fault tests, whatever died: the record against what clients were told and against the
 * engine's journal. Reads everything into memory: made for up to some 100,000 runs.
 */
import type { Db } from '../../src/platform/database.js';
import { LIFECYCLE_REQUESTS } from '../../src/lifecycle/lifecycle-event.js';
import { isAllowedMove, isFinal, type RunState } from '../../src/lifecycle/run-state.js';
import { checkDrift, type DriftOptions } from './check-drift.js';
import type { JournalEntry } from './scripted-engine/journal.js';

export interface Told {
  /** Ids that were answered 201. */
  created: Iterable<number>;
  /** Requests whose answer nobody saw may have made rows beside those; otherwise every row was answered. */
  unanswered?: boolean;
  /** What answers said of runs; those about one run in the order in which they came. */
  seen?: { id: number; generation: number; state: string }[];
  /** Lifecycle requests that were answered 202, each of them once. */
  accepted?: { id: number; type: string }[];
}

export interface EngineWitness {
  /** Changing requests, in order. */
  journal: JournalEntry[];
  /** Executions ever made, by key. */
  created: Record<string, number>;
}

export interface CheckOptions extends DriftOptions {
  /** Milliseconds after which a cancel that is not applied has to be said to be overdue. */
  cancelGraceMs: number;
}

export interface Violation {
  invariant: string;
  /** A run or request that is gone, one that was executed too often, or something else that must not be. */
  kind: 'lost' | 'doubled' | 'illegal';
  run?: number;
  what: string;
}

/** Events that clients asked for. */
const REQUESTS: readonly string[] = LIFECYCLE_REQUESTS;

interface RunRow {
  id: number;
  state: RunState;
  reason: string | null;
  explained: boolean;
  generation: number;
  seq: number;
  ageMs: number;
}

interface ExecutionRow {
  id: number;
  generation: number;
  key: string;
  verb: 'submit' | 'retry';
}

interface EventRow {
  id: number;
  seq: number;
  type: string;
  from: RunState | null;
  to: RunState | null;
  generation: number;
  reason: string | null;
}

/** Every violation there is; none = all invariants that rows and journal can show hold. */
export async function check(
  db: Db,
  told: Told,
  engine: EngineWitness | undefined,
  options: CheckOptions,
): Promise<Violation[]> {
  const runs = await readRuns(db);
  const events = groupById(await readEvents(db));
  const violations = [...checkCreated(told, runs), ...checkSeen(told, events), ...checkAccepted(told, events)];
  for (const run of runs) {
    const history = events.get(run.id) ?? [];
    violations.push(...checkHistory(run, history), ...checkCancels(run, history, options));
  }
  if (engine) violations.push(...checkExecutions(runs, events, await readExecutions(db), engine));
  violations.push(...(await checkDrift(db, engine, options)));
  return violations;
}

export function describeViolations(violations: Violation[]): string {
  const lines = violations.map(
    ({ invariant, run, what }) => `${invariant}${run === undefined ? '' : ` run ${run}`}: ${what}`,
  );
  return lines.join('\n');
}

/** I1: 201 means a row, and a row means 201. */
function checkCreated(told: Told, runs: RunRow[]): Violation[] {
  const rows = new Set(runs.map((run) => run.id));
  const answered = new Set(told.created);
  const lost = [...answered].filter((id) => !rows.has(id));
  const silent = told.unanswered === true ? [] : [...rows].filter((id) => !answered.has(id));
  return [
    ...lost.map((run) => ({ invariant: 'I1', kind: 'lost' as const, run, what: 'was answered 201 and has no row' })),
    ...silent.map((run) => ({
      invariant: 'I1',
      kind: 'doubled' as const,
      run,
      what: 'has a row and was never answered 201',
    })),
  ];
}

/** No answer contradicts a later one or a later read: what was seen is in the history, in the order in which it was seen. */
function checkSeen(told: Told, events: Map<number, EventRow[]>): Violation[] {
  const reached = new Map<number, number>();
  return (told.seen ?? []).flatMap(({ id, generation, state }) => {
    const from = reached.get(id) ?? 0;
    const history = events.get(id) ?? [];
    const at = history.findIndex(
      (event, index) => index >= from && event.generation === generation && event.to === state,
    );
    reached.set(id, Math.max(from, at));
    if (at >= 0) return [];
    const what = `was shown ${state} in generation ${generation}, which its history lacks from event ${from + 1} on`;
    return [{ invariant: 'I3', kind: 'illegal' as const, run: id, what }];
  });
}

/** Every accepted request is in the history once, and nothing beside them. */
function checkAccepted(told: Told, events: Map<number, EventRow[]>): Violation[] {
  if (!told.accepted) return [];
  const wanted = new Map<string, number>();
  for (const { id, type } of told.accepted) wanted.set(`${id} ${type}`, (wanted.get(`${id} ${type}`) ?? 0) + 1);
  const stored = new Map<string, number>();
  for (const event of [...events.values()].flat()) {
    if (!REQUESTS.includes(event.type)) continue;
    stored.set(`${event.id} ${event.type}`, (stored.get(`${event.id} ${event.type}`) ?? 0) + 1);
  }
  return [...new Set([...wanted.keys(), ...stored.keys()])].flatMap((request) => {
    const [answered = 0, kept = 0] = [wanted.get(request), stored.get(request)];
    if (answered === kept) return [];
    const [id, type] = request.split(' ');
    const what = `${type} was accepted ${answered} times and is ${kept} times in its history`;
    return [
      { invariant: 'I4', kind: kept < answered ? ('lost' as const) : ('doubled' as const), run: Number(id), what },
    ];
  });
}

/** I3, I6, I12: dense, connected, only allowed moves, one final state per generation, the row is its end. */
function checkHistory(run: RunRow, history: EventRow[]): Violation[] {
  const found: Violation[] = [];
  const say = (invariant: string, what: string): void =>
    void found.push({ invariant, kind: 'illegal', run: run.id, what });
  let state: RunState | null = null;
  let generation = 1;
  history.forEach((event, index) => {
    if (event.seq !== index + 1) say('I12', `event ${index + 1} is missing, the next is ${event.seq}`);
    if (event.from !== state)
      say('I12', `event ${event.seq} begins at ${event.from}, the one before ended at ${state}`);
    if (event.generation < generation) say('I6', `event ${event.seq} goes back to generation ${event.generation}`);
    if (event.generation > generation && event.type !== 'RETRY') {
      say('I3', `event ${event.seq} (${event.type}) begins generation ${event.generation} without a retry`);
    }
    const moved = state !== null && event.to !== null && event.to !== state;
    if (moved && state !== null && event.to !== null) {
      if (!isAllowedMove(state, event.to)) say('I6', `event ${event.seq} moves ${state} to ${event.to}`);
      if (isFinal(state) && event.generation === generation) {
        say('I3', `event ${event.seq} leaves the final ${state} inside generation ${generation}`);
      }
    }
    state = event.to ?? state;
    generation = event.generation;
  });
  if (history.length !== run.seq) say('I12', `${history.length} events, the row counts ${run.seq}`);
  if (state !== run.state) say('I5', `the row says ${run.state}, its history ends at ${state}`);
  if (generation !== run.generation) say('I5', `the row says generation ${run.generation}, its history ${generation}`);
  return found;
}

/** I4: applied, or said to be overdue. */
function checkCancels(run: RunRow, history: EventRow[], { cancelGraceMs }: CheckOptions): Violation[] {
  const wanted = history.filter((event) => event.type === 'CANCEL').map((event) => event.generation);
  const isOpen = wanted.includes(run.generation) && !isFinal(run.state);
  if (!isOpen || run.ageMs < cancelGraceMs || run.reason === 'cancel-overdue') return [];
  return [
    {
      invariant: 'I4',
      kind: 'illegal',
      run: run.id,
      what: `its cancel is ${Math.round(run.ageMs)} ms old, not applied and not said to be overdue`,
    },
  ];
}

/** I2: for every (run, generation) one execution on the engine, or none and a final state that says why. */
function checkExecutions(
  runs: RunRow[],
  events: Map<number, EventRow[]>,
  executions: ExecutionRow[],
  engine: EngineWitness,
): Violation[] {
  const found: Violation[] = [];
  const byId = new Map(runs.map((run) => [run.id, run]));
  const clears = new Map<string, number>();
  for (const { did, key } of engine.journal) {
    if (key !== undefined && /^cleared [1-9]/.test(did)) clears.set(key, (clears.get(key) ?? 0) + 1);
  }
  for (const { id, generation, key, verb } of executions) {
    const run = byId.get(id);
    if (!run || verb === 'retry') continue;
    const made = engine.created[key] ?? 0;
    const say = (kind: Violation['kind'], what: string): void =>
      void found.push({ invariant: 'I2', kind, run: id, what });
    if (made > 1) say('doubled', `generation ${generation} was executed ${made} times`);
    if (made === 0 && !hasReasonedEnd(run, generation, events.get(id) ?? [])) {
      say('lost', `generation ${generation} was never executed and has no final state that says why`);
    }
  }
  const retries = new Map<string, number>();
  for (const { key, verb } of executions) if (verb === 'retry') retries.set(key, (retries.get(key) ?? 0) + 1);
  for (const [key, count] of clears) {
    const wanted = retries.get(key) ?? 0;
    const what = `${key} was retried ${count} times for ${wanted} retries`;
    if (count > wanted) found.push({ invariant: 'I2', kind: 'doubled', what });
  }
  const known = new Set(executions.map((execution) => execution.key));
  for (const key of Object.keys(engine.created)) {
    const what = `the engine executes ${key}, which no run has`;
    if (!known.has(key)) found.push({ invariant: 'I2', kind: 'doubled', what });
  }
  return found;
}

/** Cancelled before it was given away, or failed with a failure. */
function hasReasonedEnd(run: RunRow, generation: number, history: EventRow[]): boolean {
  const ends = history.filter((event) => event.generation === generation && event.to !== null && isFinal(event.to));
  const end = ends.at(-1)?.to;
  if (end === 'COMPLETED' || end === undefined || end === null) return false;
  return generation < run.generation || end === 'CANCELLED' || run.explained;
}

async function readRuns(db: Db): Promise<RunRow[]> {
  const { rows } = await db.query<RunRow>({
    text: `SELECT id, state, state_reason AS reason, (failure IS NOT NULL OR state_reason IS NOT NULL) AS explained,
             generation, event_seq AS seq, extract(epoch FROM clock_timestamp() - desired_at)::float8 * 1000 AS "ageMs"
           FROM workflow_runs ORDER BY id`,
  });
  return rows;
}

async function readEvents(db: Db): Promise<EventRow[]> {
  const { rows } = await db.query<EventRow>({
    text: `SELECT workflow_run_id AS id, seq, type, from_state AS "from", to_state AS "to", generation, reason
           FROM lifecycle_events ORDER BY workflow_run_id, seq`,
  });
  return rows;
}

async function readExecutions(db: Db): Promise<ExecutionRow[]> {
  const { rows } = await db.query<ExecutionRow>({
    text: 'SELECT workflow_run_id AS id, generation, key, verb FROM workflow_executions ORDER BY 1, 2',
  });
  return rows;
}

function groupById(events: EventRow[]): Map<number, EventRow[]> {
  const grouped = new Map<number, EventRow[]>();
  for (const event of events) {
    const list = grouped.get(event.id);
    if (list) list.push(event);
    else grouped.set(event.id, [event]);
  }
  return grouped;
}
