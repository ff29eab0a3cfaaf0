/** What the tasks of a compiled DAG told of their end: read where it is needed, and what it says of the run. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import type { Failure } from '../spi/facts.js';
import type { AirflowRuns } from './airflow-runs.js';
import { XCOM_LIMIT, inTurns } from './airflow-runs.js';
import type { CompiledRun } from './compiled-run.js';
import type { TaskResult } from './task-result.js';
import { RESULT_KEY, readTaskResult } from './task-result.js';
import type { Told } from './to-compiled-facts.js';
import type { DagRun } from './to-run.js';
import type { TaskInstance } from './to-task-run.js';
import { failureOf } from './to-task-run.js';

/** The whole of a fan-out tells of its items too: those are read one by one only where it did not come to that. */
export async function readResults(
  runs: AirflowRuns,
  run: DagRun,
  compiled: CompiledRun,
  ctx: CallContext,
): Promise<Map<TaskInstance, TaskResult>> {
  const read = async (instances: readonly TaskInstance[]): Promise<[TaskInstance, TaskResult][]> => {
    const begun = instances.filter(({ tryNumber }) => tryNumber > 0);
    const found = await inTurns(begun, async (one): Promise<[TaskInstance, TaskResult][]> => {
      const result = readTaskResult(await runs.xcom(run, one, RESULT_KEY, ctx));
      return result === undefined ? [] : [[one, result]];
    });
    return found.flat();
  };
  const wholes = compiled.tasks.map((task) => (task.kind === 'task' ? task.own : task.collect));
  const results = new Map(await read([compiled.end, ...wholes].slice(0, XCOM_LIMIT)));
  const untold = compiled.tasks.flatMap((task) =>
    task.kind === 'fan-out' && results.get(task.collect)?.items === undefined ? task.mapped : [],
  );
  for (const [item, result] of await read(untold.slice(0, XCOM_LIMIT))) results.set(item, result);
  return results;
}

/** How the run ended, in the words of its last task. */
export function compiledEnd(
  run: DagRun,
  compiled: CompiledRun,
  told: Pick<Told, 'result'>,
): { failure?: Failure; outputs?: Record<string, Json> } {
  const end = told.result(compiled.end);
  if (run.phase === 'succeeded') return end?.outputs === undefined ? {} : { outputs: end.outputs };
  if (run.phase !== 'failed') return {};
  if (compiled.timedOut) {
    const message = `The run took longer than ${run.timeoutMs ?? 0} ms.`;
    return { failure: { class: 'timeout', code: 'run-timed-out', message } };
  }
  const failed = compiled.tasks.find((task) => task.kind === 'task' && task.own.word === 'failed');
  const guess = failed?.kind === 'task' ? failureOf(failed.own) : NOBODY_SAYS;
  return { failure: end?.failure ?? guess };
}

const NOBODY_SAYS: Failure = { class: 'engine', code: 'run-failed', message: 'Airflow ended the run as failed.' };
