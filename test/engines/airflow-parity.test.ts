/** Portable workflows on a real Airflow and on the local engine, side by side. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { airflowEngine } from '../../adapters/airflow/airflow.engine-kind.js';
import { endpointOf, hostWithoutDatabase } from '../../adapters/airflow/airflow-conformance.test-support.js';
import { AirflowClient } from '../../adapters/airflow/airflow-client.js';
import { readAirflowOptions } from '../../adapters/airflow/airflow-options.js';
import { roleOf } from '../../adapters/airflow/compile/task-names.js';
import { ownDag } from '../../adapters/airflow/dag-name.js';
import { INSTALLATION_ID, callContext } from '../../adapters/conformance/world.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import type { EngineAdapter, RetryOutcome } from '../../adapters/spi/engine-adapter.js';
import type { ExecutionRef } from '../../adapters/spi/facts.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { until } from '../support/until.js';
import { PARITY_CASES, RETRIED, STOPPED } from './parity-cases.js';
import { localSide, observed, outcomeOn, parityWorkflow, registered, retriedOn } from './parity.js';
import { sideBySide } from './side-by-side.js';

const PATIENCE_MS = 240_000;

type RetryArguments = Parameters<NonNullable<EngineAdapter['retry']>>;

/** Five edges: a diamond with a fan-out on one side, and a task of a group. */
const fanOutBetween = (): string =>
  JSON.stringify({
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name: 'shape',
    tasks: {
      top: { run: 'true' },
      left: { needs: ['top'], foreach: { items: [1, 2] }, run: 'true' },
      'group.right': { needs: ['top'], run: 'true' },
      bottom: { needs: ['left', 'group.right'], run: 'true' },
      'group.last': { needs: ['bottom'], trigger: 'all-done', run: 'true' },
    },
  });

/** As the definition calls itself. */
function nameIn(text: string): string {
  const parsed = parseDefinition(text);
  return parsed.ok ? parsed.definition.name : '';
}

describe.each([
  ['airflow3', 'AIRFLOW3_ENDPOINT'],
  ['airflow2', 'AIRFLOW2_ENDPOINT'],
])('%s', (engine, variable) => {
  const options = endpointOf(variable);
  if (options === undefined) {
    test.skip(`${variable} is not set: npm run engines -- up ${engine} starts one and says how`, () => undefined);
    return;
  }
  let local: Awaited<ReturnType<typeof localSide>>;
  let adapter: EngineAdapter;

  beforeAll(async () => {
    local = await localSide();
    adapter = await airflowEngine.create(options, hostWithoutDatabase());
  }, PATIENCE_MS);
  afterAll(async () => {
    const workflows = [...PARITY_CASES, RETRIED, STOPPED].map(({ text }) => parityWorkflow(nameIn(text), text));
    for (const workflow of [...workflows, parityWorkflow('shape', fanOutBetween())]) {
      await adapter.retire(workflow, callContext());
    }
    await adapter.close();
    await local.close();
  });

  test(
    'the DAG that Airflow has is the graph of the definition, with nothing of ours in it',
    async () => {
      const workflow = parityWorkflow('shape', fanOutBetween());
      await registered(adapter, workflow, PATIENCE_MS);
      const client = new AirflowClient(readAirflowOptions(options));
      const path = `/dags/${ownDag(INSTALLATION_ID, workflow)}/tasks`;
      const answer = (await client.get(path, callContext())) as {
        tasks: { task_id: string; downstream_task_ids: string[] }[];
      };
      client.close();
      const edges = new Set(
        answer.tasks
          .flatMap(({ task_id: from, downstream_task_ids: next }) =>
            next.map((to) => [roleOf(from), roleOf(to)] as const),
          )
          .flatMap(([from, to]) =>
            from.role === 'end' || to.role === 'end' || from.task === to.task ? [] : [`${from.task} ${to.task}`],
          ),
      );
      const graph = await adapter.describe(workflow, callContext());
      expect([...edges].sort()).toEqual(
        graph.tasks.flatMap(({ title, downstream }) => downstream.map((to) => `${title} ${to}`)).sort(),
      );
      expect(edges.size).toBe(5);
    },
    PATIENCE_MS,
  );

  test(
    'a retry begins again what the local engine begins again, and leaves the rest',
    async () => {
      const ours = await retriedOn(local.adapter, RETRIED, PATIENCE_MS);
      expect([ours.before.phase, ours.after.phase, ours.attempts['items[0]'], ours.attempts['items[1]']]).toEqual([
        'failed',
        'succeeded',
        1,
        2,
      ]);
      expect(await retriedOn(adapter, RETRIED, PATIENCE_MS)).toEqual(ours);
    },
    2 * PATIENCE_MS,
  );

  /** The last request of a retry is lost on its way, and the retry is made once more. */
  async function retryTwice(...[ref, baseline, ctx]: RetryArguments): Promise<RetryOutcome> {
    const { url } = options as { url: string };
    const proxy = await FaultProxy.start(url);
    const through = await airflowEngine.create({ ...options, url: proxy.through(url) }, hostWithoutDatabase());
    // Airflow 2 is told of the items of a fan-out in a request of their own, before.
    const isLast = (bytes: Buffer): boolean => /clearTaskInstances[^]*signalbox__end/.test(bytes.toString());
    proxy.plan({ fault: { do: 'drop-request' }, times: 1, when: isLast });
    try {
      const lost = await through.retry?.(ref, baseline, ctx).catch((error: unknown) => error);
      expect([lost, proxy.faulted]).toEqual([expect.objectContaining({ code: 'unknown' }), 1]);
      return (await through.retry?.(ref, baseline, ctx)) ?? { outcome: 'active-again' };
    } finally {
      await through.close();
      await proxy.close();
    }
  }

  test(
    'a retry whose last request is lost is made whole by its repeat',
    async () => {
      const ours = await retriedOn(local.adapter, RETRIED, PATIENCE_MS);
      expect(await retriedOn(adapter, RETRIED, PATIENCE_MS, { retry: retryTwice })).toEqual(ours);
    },
    2 * PATIENCE_MS,
  );

  test(
    'so is the retry of a run that was stopped',
    async () => {
      const stopped = (on: EngineAdapter) => async (ref: ExecutionRef) => {
        const states = async (): Promise<string> => {
          const seen = await observed(on, ref);
          const items = seen.presence === 'present' ? (seen.taskRuns ?? []) : [];
          return items.flatMap(({ mapIndex, state }) => (mapIndex === undefined ? [] : [state])).join();
        };
        await until(states, (seen) => seen === 'COMPLETED,RUNNING', PATIENCE_MS);
        await on.cancel(ref, 'graceful', callContext());
      };
      const ours = await retriedOn(local.adapter, STOPPED, PATIENCE_MS, { meanwhile: stopped(local.adapter) });
      expect([ours.before.phase, ours.after.phase]).toEqual(['cancelled', 'succeeded']);
      const theirs = await retriedOn(adapter, STOPPED, PATIENCE_MS, { retry: retryTwice, meanwhile: stopped(adapter) });
      // An item that was done is done again: a stop makes all items of a task that works failed (README).
      const attempts = { ...ours.attempts, 'items[0]': 2 };
      expect([theirs.before.phase, theirs.after, theirs.attempts]).toEqual(['cancelled', ours.after, attempts]);
    },
    2 * PATIENCE_MS,
  );

  test.each(PARITY_CASES)(
    'ends as the local engine ends: $name',
    async (parity) => {
      const ours = await outcomeOn(local.adapter, parity, PATIENCE_MS);
      const theirs = await outcomeOn(adapter, parity, PATIENCE_MS);
      if (parity === PARITY_CASES[0]) {
        process.stdout.write(`\n${sideBySide(parity.text, { local: ours, [engine]: theirs })}\n`);
      }
      expect(theirs).toEqual(ours);
    },
    2 * PATIENCE_MS,
  );
});
