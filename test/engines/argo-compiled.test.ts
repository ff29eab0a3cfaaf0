/** Definitions on a real Argo end as they end on the local engine. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { argoEndpoint, NOT_UP, type Access } from '../../adapters/argo/argo-endpoint.test-support.js';
import { connectArgo } from '../../adapters/argo/argo-lab.test-support.js';
import type { World } from '../../adapters/conformance/conformance-case.js';
import type { Harness } from '../../adapters/conformance/harness.js';
import { makeWorld, sha256 } from '../../adapters/conformance/world.js';
import {
  databaseOfThisFile,
  newKey,
  readAll,
  startEngine,
  submission,
} from '../../adapters/local/local-engine.test-support.js';
import type { EngineAdapter, WorkflowVersion } from '../../adapters/spi/engine-adapter.js';
import type { ExecutionRef, PresentExecution } from '../../adapters/spi/facts.js';
import { SIDE_BY_SIDE } from './argo-definitions.js';
import type { SideBySide } from './argo-definitions.js';
import { registered } from './parity.js';

const LIMIT_MS = 600_000;
const PATIENT = { patienceMs: 300_000 } as Harness;
const found = argoEndpoint();
describe('a real Argo', () => {
  if (!found) {
    test.skip(NOT_UP, () => undefined);
    return;
  }
  const endpoint = found;
  const database = databaseOfThisFile();
  let world: World;
  let adapter: EngineAdapter;

  beforeAll(async () => {
    adapter = await connectArgo(endpoint, 'server');
    world = makeWorld(adapter, PATIENT);
  }, LIMIT_MS);

  /** What this suite made, and nothing else: others may use the same Argo. */
  const made: { version: WorkflowVersion; refs: ExecutionRef[] }[] = [];
  afterAll(async () => {
    for (const { version, refs } of made) {
      await adapter.forget?.(refs, world.ctx());
      await adapter.retire(version, world.ctx());
    }
    await adapter.close();
  }, LIMIT_MS);

  async function onLocal({ definition, parameters, retried }: SideBySide): Promise<Told> {
    const engine = await startEngine(database());
    try {
      const text = JSON.stringify(definition);
      const key = newKey();
      const sent = { ...submission(text, parameters, key), runId: 'run-7' };
      await engine.adapter.submit(sent, world.ctx());
      let facts = await engine.untilFinal(key);
      if (retried === true) {
        await engine.adapter.retry(sent.ref, facts.baseline ?? '', world.ctx());
        facts = await engine.untilFinal(key);
      }
      const { graph } = await engine.adapter.validate({ format: 'signalbox/v1', text }, world.ctx());
      return await tell(engine.adapter, sent.ref, facts, graph);
    } finally {
      await engine.adapter.close();
    }
  }

  async function onArgo({ definition, parameters, retried }: SideBySide, access: Access): Promise<Told> {
    const through = access === 'server' ? adapter : await connectArgo(endpoint, access);
    const workflow = versionOf(definition);
    expect(errorsOf(await through.validate(workflow.definition, world.ctx()))).toEqual([]);
    await registered(through, workflow, LIMIT_MS);
    const sent = { ...world.submission(workflow, parameters), runId: 'run-7' };
    expect(await through.submit(sent, world.ctx())).toMatchObject({ outcome: 'accepted' });
    const there = makeWorld(through, world.harness);
    made.push({ version: workflow, refs: [sent.ref] });
    let facts = await there.ended(sent.ref);
    if (retried === true) {
      const { baseline = '' } = facts;
      expect(await through.retry?.(sent.ref, baseline, world.ctx())).toMatchObject({ outcome: 'accepted' });
      await there.until(sent.ref, 'it began again', (seen) => seen.baseline !== baseline);
      facts = await there.ended(sent.ref);
    }
    const told = await tell(through, sent.ref, facts, await through.describe(workflow, world.ctx()));
    if (through !== adapter) await through.close();
    return told;
  }

  test.each(SIDE_BY_SIDE)(
    '$reason',
    async (row) => {
      expect(await onArgo(row, 'server')).toEqual(await onLocal(row));
    },
    LIMIT_MS,
  );

  test(
    'alike through the Kubernetes API',
    async () => {
      const [first] = SIDE_BY_SIDE;
      if (!first) throw new Error('there is no first definition');
      expect(await onArgo(first, 'kubernetes')).toEqual(await onLocal(first));
    },
    LIMIT_MS,
  );
});

interface Told {
  phase: unknown;
  [part: string]: unknown;
}

/** What two engines have to agree on; times, addresses and the words of messages are their own. */
async function tell(adapter: EngineAdapter, ref: ExecutionRef, facts: PresentExecution, graph: unknown): Promise<Told> {
  const runs = [...(facts.taskRuns ?? [])].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const logs: [string, string][] = [];
  for (const { task, mapIndex, attempts = [] } of runs) {
    for (const { attempt } of attempts) {
      const place = { ref, task, attempt, limitBytes: 1_048_576, ...(mapIndex === undefined ? {} : { mapIndex }) };
      const page = await adapter.logs(place, {
        signal: AbortSignal.timeout(20_000),
        timeoutMs: 20_000,
        traceparent: '',
      });
      const text = await readAll(page.chunks);
      logs.push([`${task}#${mapIndex ?? ''} ${attempt}`, text === '' || text.endsWith('\n') ? text : `${text}\n`]);
    }
  }
  return {
    phase: facts.phase,
    failure: facts.failure && [facts.failure.class, facts.failure.code, facts.failure.task_title],
    outputs: facts.outputs,
    graph: JSON.parse(JSON.stringify(graph)) as unknown,
    runs: runs.map((run) => ({
      name: nameOf(run),
      state: run.state,
      reason: run.stateReason,
      attempt: run.attempt,
      outputs: Object.keys(run.outputs ?? {}).length === 0 ? undefined : run.outputs,
      failure: run.failure && [run.failure.class, run.failure.code],
      attempts: (run.attempts ?? []).map(({ attempt, state, exitCode, failure }) => [
        attempt,
        state,
        failure?.code,
        exitCode,
      ]),
    })),
    logs,
  };
}

function nameOf({ task, mapIndex }: { task: string; mapIndex?: number }): string {
  return mapIndex === undefined ? task : `${task}#${String(mapIndex).padStart(5, '0')}`;
}

function versionOf(definition: object): WorkflowVersion {
  const text = JSON.stringify(definition);
  const title = `compiled ${(definition as { name: string }).name}`;
  const digest = sha256(text);
  const id = String(parseInt(digest.slice(0, 8), 16));
  return { id, project: 'default', title, version: 1, definition: { format: 'signalbox/v1', text }, digest };
}

function errorsOf({ diagnostics }: { diagnostics: { severity: string }[] }): unknown[] {
  return diagnostics.filter(({ severity }) => severity === 'error');
}
