/** What Airflow says of executions: one whole, or many by their run alone. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { unlessAbsent } from '../spi/engine-error.js';
import { FINAL_PHASES } from '../spi/facts.js';
import type { ExecutionRef, Failure, Observation, PresentExecution, TaskRunFacts } from '../spi/facts.js';
import type { AirflowRuns, XCom } from './airflow-runs.js';
import { RUN_OUTPUTS_KEY, inTurns } from './airflow-runs.js';
import { compiledRun } from './compiled-run.js';
import { compiledEnd, readResults } from './compiled-results.js';
import { readDag } from './registration.js';
import type { TaskResult } from './task-result.js';
import { toCompiledTaskRuns } from './to-compiled-facts.js';
import { toExecution } from './to-run.js';
import type { DagRun } from './to-run.js';
import { failureOf, hasEarlierTries, isLive, toTaskRun } from './to-task-run.js';
import type { TaskInstance } from './to-task-run.js';

/** Tries have a call for each task: of a run with more retried tasks, these many are told with all their attempts. */
const TRIES_LIMIT = 100;

export async function observe(runs: AirflowRuns, ref: ExecutionRef, ctx: CallContext): Promise<Observation> {
  const run = await runs.read(ref, ctx);
  if (!run) return { presence: 'absent', key: ref.key };
  // Tasks are read after the run: what they say is never older than its phase.
  const instances = await runs.instances(run, ctx);
  const { dialect } = await runs.client.version(ctx);
  const ended = hasEnded(run);
  const retried = new Set(instances.filter(hasEarlierTries).slice(0, TRIES_LIMIT));
  const tries = new Map(await inTurns([...retried], async (one) => [one, await runs.tries(run, one, ctx)] as const));
  const facts = execution(runs, dialect.runPage(run.dagId, run.runId), run, ref.key);
  const liveTasks = instances.filter(isLive).length;
  const standsStill = run.phase === 'scheduled' || (run.phase === 'running' && liveTasks === 0);
  const held = standsStill ? await heldBack(runs, run, ctx) : {};
  const compiled = compiledRun(run, instances);
  if (compiled !== undefined) {
    const results = ended ? await readResults(runs, run, compiled, ctx) : new Map<TaskInstance, TaskResult>();
    const page = (one: TaskInstance): string => runs.client.pageUrl(dialect.taskPage(run.dagId, run.runId, one));
    const told = {
      result: (one: TaskInstance) => results.get(one),
      tries: (one: TaskInstance) => tries.get(one),
      page,
      ended,
    };
    return {
      ...facts,
      ...compiledEnd(run, compiled, told),
      ...held,
      liveTasks,
      taskRuns: toCompiledTaskRuns(compiled, told),
    };
  }
  const xcoms = ended ? await runs.xcoms(run, ctx) : [];
  const taskRuns = instances.map((instance): TaskRunFacts => {
    const page = runs.client.pageUrl(dialect.taskPage(run.dagId, run.runId, instance));
    const outputs = outputsOf(instance, xcoms);
    return { ...toTaskRun(instance, run, tries.get(instance), page), ...(outputs === undefined ? {} : { outputs }) };
  });
  const outputs = run.phase === 'succeeded' ? runOutputs(xcoms) : undefined;
  return {
    ...facts,
    ...(run.phase === 'failed' ? { failure: runFailure(instances) } : {}),
    ...held,
    ...(outputs === undefined ? {} : { outputs }),
    liveTasks,
    taskRuns,
  };
}

/** One observation per ref; what the lists do not hold is `unread`, never absent. */
export async function observeMany(
  runs: AirflowRuns,
  refs: readonly ExecutionRef[],
  ctx: CallContext,
): Promise<Observation[]> {
  if (refs.length === 0) return [];
  const { dialect } = await runs.client.version(ctx);
  const wanted = refs.map((ref) => ({ ref, ...runs.placeOf(ref) }));
  const found = await dialect.findRuns((request, context) => runs.client.exchange(request, context), wanted, ctx);
  const byPlace = new Map(found.map((run) => [`${run.dagId}/${run.runId}`, run]));
  return wanted.map(({ ref, dagId, runId }): Observation => {
    const run = byPlace.get(`${dagId}/${runId}`);
    if (!run) return { presence: 'unread', key: ref.key, reason: 'the lists of Airflow do not hold it' };
    const facts = execution(runs, dialect.runPage(dagId, runId), run, ref.key);
    return run.phase === 'failed' ? { ...facts, failure: runFailure([]) } : facts;
  });
}

export function hasEnded({ phase }: DagRun): boolean {
  return phase !== undefined && FINAL_PHASES.includes(phase);
}

function execution(runs: AirflowRuns, page: string, run: DagRun, key: string): PresentExecution {
  return toExecution(run, key, runs.client.pageUrl(page));
}

/** Nothing of a run is started while its DAG is paused, or its file is not there or cannot be imported (3.3.2). */
async function heldBack(runs: AirflowRuns, run: DagRun, ctx: CallContext): Promise<{ stateReason?: string }> {
  const { dialect } = await runs.client.version(ctx);
  const dag = await unlessAbsent(readDag(runs.client, run.dagId, ctx));
  if (!dag || !dialect.isParsed(dag)) return { stateReason: 'engine-definition-missing' };
  return dag['is_paused'] === true ? { stateReason: 'engine-definition-paused' } : {};
}

function runFailure(instances: readonly TaskInstance[]): Failure {
  const failed = instances
    .filter(({ word }) => word === 'failed')
    .sort((a, b) => (a.finishedAt?.getTime() ?? 0) - (b.finishedAt?.getTime() ?? 0));
  if (failed[0]) return failureOf(failed[0]);
  return { class: 'engine', code: 'run-failed', message: 'Airflow ended the run as failed.' };
}

function outputsOf({ taskId, mapIndex }: TaskInstance, xcoms: readonly XCom[]): Record<string, Json> | undefined {
  const own = xcoms.filter((xcom) => xcom.taskId === taskId && xcom.mapIndex === mapIndex);
  const named = own.filter(({ key }) => key !== RUN_OUTPUTS_KEY).map(({ key, value }) => [key, value] as const);
  return named.length > 0 ? Object.fromEntries(named) : undefined;
}

function runOutputs(xcoms: readonly XCom[]): Record<string, Json> | undefined {
  const given = xcoms.flatMap(({ key, value }) =>
    key === RUN_OUTPUTS_KEY && typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value)
      : [],
  );
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}
