/** What Airflow 2 and 3 do differently, as one interface: `airflow-2.ts` and `airflow-3.ts` are all that knows a version. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import type { HttpAnswer, HttpRequest } from '../spi/http/engine-http.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { DagRun } from './to-run.js';

/** A call below the version's prefix. */
export type Exchange = (request: HttpRequest, ctx: CallContext) => Promise<HttpAnswer>;

export interface TaskName {
  taskId: string;
  /** -1 = not one of a fan-out. */
  mapIndex: number;
}

export interface Trigger {
  runId: string;
  conf: JsonObject;
  note: string;
}

export interface Dialect {
  /** Of every path but the login. */
  prefix: string;
  scheme: 'basic' | 'bearer';
  healthPath: string;
  /** Bytes of a trigger that Airflow takes; more ends in an error that says nothing. */
  triggerLimitBytes: number;

  /** Why these parameters would keep every task from starting; undefined = they do not. */
  cannotCarry(parameters: Record<string, Json>): string | undefined;
  triggerBody(trigger: Trigger): object;
  /** Whether the DAG's file is there and was parsed at last. */
  isParsed(dag: JsonObject): boolean;
  /** Path of the import errors that may be about `file`. */
  importErrorsPath(file: string, offset: number): string;

  /** Runs of these DAGs in as few calls as may be, missing ones left out. */
  findRuns(exchange: Exchange, wanted: { dagId: string; runId: string }[], ctx: CallContext): Promise<DagRun[]>;
  /** Path of a page of all runs made at `since` or later, oldest first. */
  runsSincePath(since: Date, offset: number): string;
  createdAt(run: DagRun): Date;

  /** Ends the run as failed and leaves `note` on it. Repeatable. */
  stopRun(exchange: Exchange, run: DagRun, note: string, ctx: CallContext): Promise<void>;
  /** Ends one task instance as failed and leaves `note` on it. */
  stopTask(exchange: Exchange, run: DagRun, task: TaskName, note: string, ctx: CallContext): Promise<void>;
  writeNote(exchange: Exchange, run: DagRun, note: string, ctx: CallContext): Promise<void>;
  /** The part of a clear that names what to clear. */
  clearTargets(tasks: readonly TaskName[]): object;
  /** The calls in which these are cleared, in their order, where each is named and nothing else is to begin again. */
  clearGroups(tasks: readonly TaskName[]): readonly (readonly TaskName[])[];

  /** Path of one XCom, so that its `value` is JSON. */
  xcomPath(run: DagRun, task: TaskName, key: string): string;
  /** Media type of a log as a stream of lines, and what people read of one such line; undefined = not of the log. */
  logType: string;
  logLine(line: string): string | undefined;
  /** What people read of the beginning of a line that is too long to be read whole. */
  logBeginning(text: string): string;
  /** What one such line says about where the log was read from; undefined = it is of the log itself. */
  logSource(line: string): string | undefined;

  runPage(dagId: string, runId: string): string;
  taskPage(dagId: string, runId: string, task: TaskName): string;
}

/** `/dags/D/dagRuns/R`, each part encoded. */
export function runPath(dagId: string, runId: string): string {
  return `/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}`;
}

/** Of a task instance of the run. */
export function taskPath(run: { dagId: string; runId: string }, { taskId, mapIndex }: TaskName): string {
  const item = mapIndex < 0 ? '' : `/${mapIndex}`;
  return `${runPath(run.dagId, run.runId)}/taskInstances/${encodeURIComponent(taskId)}${item}`;
}

/** Query text, values encoded; a list repeats its key. */
export function query(values: Record<string, string | number | readonly string[]>): string {
  const pairs = Object.entries(values).flatMap(([key, value]) =>
    (Array.isArray(value) ? (value as readonly string[]) : [String(value)]).map(
      (one) => `${key}=${encodeURIComponent(one)}`,
    ),
  );
  return `?${pairs.join('&')}`;
}
