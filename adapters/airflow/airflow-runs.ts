/** The runs of one Airflow as the verbs need them: read one, read its instances, tries and XComs. Changes nothing. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { unlessAbsent } from '../spi/engine-error.js';
import type { ExecutionRef } from '../spi/facts.js';
import { garbage, readCount, readList, readObject, readText } from '../spi/http/read-answer.js';
import type { AirflowClient } from './airflow-client.js';
import { dagOfExecution } from './dag-name.js';
import type { TaskName } from './dialect.js';
import { query, runPath, taskPath } from './dialect.js';
import { readRunOf } from './to-run.js';
import type { DagRun } from './to-run.js';
import { readTaskInstance } from './to-task-run.js';
import type { TaskInstance } from './to-task-run.js';

/** Rows of one batch list; Airflow may give fewer. */
const BATCH_PAGE = 1000;
const XCOM_PAGE = 100;
/** XComs have a call each: of a run with more, these many are read. */
export const XCOM_LIMIT = 200;
/** Calls of one observation at the same time. */
const AT_ONCE = 4;

/** A task that wants to give the run an output pushes an object under this key. */
export const RUN_OUTPUTS_KEY = 'signalbox.outputs';

export interface XCom extends TaskName {
  key: string;
  value: Json;
}

export class AirflowRuns {
  constructor(
    readonly client: AirflowClient,
    private readonly installationId: string,
  ) {}

  /** Where an execution is on this engine. */
  placeOf(ref: ExecutionRef): { dagId: string; runId: string } {
    const dagId = dagOfExecution(this.installationId, ref);
    const runId = ref.externalId?.slice(ref.externalId.indexOf('/') + 1) ?? ref.key;
    return { dagId, runId };
  }

  /** Undefined where Airflow positively has no such run. */
  async read(ref: ExecutionRef, ctx: CallContext): Promise<DagRun | undefined> {
    return (await this.readWithClock(ref, ctx))?.run;
  }

  /** `now` is the engine's clock, in whole seconds, never ahead of it; ours where it does not tell. */
  async readWithClock(ref: ExecutionRef, ctx: CallContext): Promise<{ run: DagRun; now: Date } | undefined> {
    const { dagId, runId } = this.placeOf(ref);
    const answer = await unlessAbsent(this.client.exchange({ method: 'GET', path: runPath(dagId, runId) }, ctx));
    if (!answer) return undefined;
    const told = new Date(answer.headers['date'] ?? Number.NaN);
    const now = Number.isNaN(told.getTime()) ? new Date() : told;
    return { run: readRunOf(answer.json, dagId, runId), now };
  }

  /** Every task instance of the run, each once. */
  async instances({ dagId, runId }: DagRun, ctx: CallContext): Promise<TaskInstance[]> {
    const found = new Map<string, TaskInstance>();
    for (let offset = 0; ;) {
      const body = { dag_ids: [dagId], dag_run_ids: [runId], page_limit: BATCH_PAGE, page_offset: offset };
      const answer = readObject(
        await this.client.post('/dags/~/dagRuns/~/taskInstances/list', body, ctx),
        'the list of task instances',
      );
      const page = readList(answer['task_instances'], 'task_instances');
      for (const one of page) {
        if (readObject(one, 'a task instance')['dag_run_id'] !== runId) throw garbage('a task instance of another run');
        const instance = readTaskInstance(one);
        found.set(`${instance.taskId} ${instance.mapIndex}`, instance);
      }
      offset += page.length;
      const total = readCount(answer['total_entries'], 'total_entries');
      if (offset >= total && found.size >= total) return [...found.values()];
      // Instances were added while we read, or the order moved: what was seen is not the whole.
      if (page.length === 0 || offset > total) throw garbage(`${found.size} of ${total} task instances`);
    }
  }

  /** Every try the engine still knows, the current one among them. A clear leaves a second row of one try: the last counts. */
  async tries(run: DagRun, task: TaskName, ctx: CallContext): Promise<TaskInstance[]> {
    const answer = readObject(await this.client.get(`${taskPath(run, task)}/tries`, ctx), 'the tries');
    const tries = readList(answer['task_instances'], 'task_instances').map((one) => readTaskInstance(one));
    return [...new Map(tries.map((one) => [one.tryNumber, one])).values()];
  }

  /** What the tasks of the run pushed, up to a limit. */
  async xcoms(run: DagRun, ctx: CallContext): Promise<XCom[]> {
    const names = await this.xcomNames(run, ctx);
    const read = await inTurns(names, async ({ key, ...task }): Promise<XCom[]> => {
      const value = await this.xcom(run, task, key, ctx);
      return value === undefined ? [] : [{ ...task, key, value }];
    });
    return read.flat();
  }

  /** What one task instance pushed under a key; undefined where there is nothing. */
  async xcom(run: DagRun, task: TaskName, key: string, ctx: CallContext): Promise<Json | undefined> {
    const { dialect } = await this.client.version(ctx);
    const answer = await unlessAbsent(this.client.get(dialect.xcomPath(run, task, key), ctx));
    return answer === undefined ? undefined : readObject(answer, 'an XCom')['value'];
  }

  /** Tasks of the run's DAG as Airflow has them, each with those right after it. */
  async edges({ dagId }: DagRun, ctx: CallContext): Promise<Map<string, string[]>> {
    const path = `/dags/${encodeURIComponent(dagId)}/tasks`;
    const told = readObject(await this.client.get(path, ctx), 'the tasks');
    return new Map(
      readList(told['tasks'], 'tasks').map((one): [string, string[]] => {
        const task = readObject(one, 'a task');
        const downstream = readList(task['downstream_task_ids'], 'downstream').map((id) => readText(id, 'a task id'));
        return [readText(task['task_id'], 'task_id'), downstream];
      }),
    );
  }

  private async xcomNames(run: DagRun, ctx: CallContext): Promise<(TaskName & { key: string })[]> {
    const names: (TaskName & { key: string })[] = [];
    for (;;) {
      const path = `${runPath(run.dagId, run.runId)}/taskInstances/~/xcomEntries${query({ limit: XCOM_PAGE, offset: names.length })}`;
      const answer = readObject(await this.client.get(path, ctx), 'the XComs');
      const page = readList(answer['xcom_entries'], 'xcom_entries').map((one) => {
        const entry = readObject(one, 'an XCom');
        const mapIndex = typeof entry['map_index'] === 'number' ? entry['map_index'] : -1;
        return { key: readText(entry['key'], 'key'), taskId: readText(entry['task_id'], 'task_id'), mapIndex };
      });
      names.push(...page);
      const total = readCount(answer['total_entries'], 'total_entries');
      if (page.length === 0 || names.length >= Math.min(total, XCOM_LIMIT)) {
        return names.slice(0, XCOM_LIMIT);
      }
    }
  }
}

/** Runs `work` on each, a few at a time; answers in the order of the items. */
export async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}
