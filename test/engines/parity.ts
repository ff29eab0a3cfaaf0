/**
 * One workflow on two engines, side by side: what a client sees of it must be the same. The local engine is the reference;
 * the suite of another engine brings its adapter and says how long a run may take there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { localEngineHarness } from '../../adapters/local/local-conformance.test-support.js';
import { INSTALLATION_ID, callContext, hasEnded, newKey, sha256 } from '../../adapters/conformance/world.js';
import type { EngineAdapter, Submission, WorkflowVersion } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef, Observation, PresentExecution, TaskGraph } from '../../adapters/spi/facts.js';
import type { Json } from '../../definition/definition-types.js';
import { effectiveParameters } from '../../definition/param-values.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import type { ParityCase } from './parity-cases.js';

/** What must be the same. Task runs by name, `square[1]` for an item and `square` for the whole of a fan-out. */
export interface Outcome {
  phase: string | undefined;
  failureCode: string | undefined;
  outputs: Json;
  tasks: Record<string, TaskOutcome>;
  graph: Record<string, string[]>;
}

export interface TaskOutcome {
  state: string;
  reason: string | undefined;
  outputs: Json;
  failureCode: string | undefined;
  /** Of attempts that ended well, failed or skipped themselves; a task that never began has none. */
  exitCode: number | undefined;
}

/** What befalls a run before its first end. */
export type Meanwhile = (ref: ExecutionRef) => Promise<void>;

/** Its outcome before and after a retry, and how many attempts each task run then has. */
export async function retriedOn(
  adapter: EngineAdapter,
  parity: ParityCase,
  patienceMs: number,
  { retry = adapter.retry, meanwhile }: { retry?: EngineAdapter['retry']; meanwhile?: Meanwhile } = {},
): Promise<{ before: Outcome; after: Outcome; attempts: Record<string, number> }> {
  const { workflow, ref, facts } = await runOn(adapter, parity, patienceMs, meanwhile);
  const graph = await adapter.describe(workflow, callContext());
  const answer = await retry?.(ref, facts.baseline ?? '', callContext());
  if (answer?.outcome !== 'accepted') throw new Error(`not retried: ${JSON.stringify(answer)}`);
  const again = await ended(adapter, ref, Date.now() + patienceMs);
  const attempts = (again.taskRuns ?? []).map(({ task, mapIndex, attempt }): [string, number] => [
    mapIndex === undefined ? task : `${task}[${mapIndex}]`,
    attempt,
  ]);
  return { before: toOutcome(facts, graph), after: toOutcome(again, graph), attempts: Object.fromEntries(attempts) };
}

/** The workflow on an engine, from its registration to the end of its run. */
export async function outcomeOn(
  adapter: EngineAdapter,
  { name, text, parameters }: ParityCase,
  patienceMs: number,
): Promise<Outcome> {
  const { workflow, facts } = await runOn(adapter, { name, text, parameters }, patienceMs);
  return toOutcome(facts, await adapter.describe(workflow, callContext()));
}

export async function runOn(
  adapter: EngineAdapter,
  { name, text, parameters }: ParityCase,
  patienceMs: number,
  meanwhile?: Meanwhile,
): Promise<{ workflow: WorkflowVersion; ref: ExecutionRef; facts: PresentExecution }> {
  const parsed = parseDefinition(text);
  if (!parsed.ok) throw new Error(`${name}: ${JSON.stringify(parsed.diagnostics)}`);
  const effective = effectiveParameters(parsed.definition.params, parameters);
  if (!effective.ok) throw new Error(`${name}: ${JSON.stringify(effective.errors)}`);
  const workflow = parityWorkflow(parsed.definition.name, text);
  const deadline = Date.now() + patienceMs;
  await registered(adapter, workflow, patienceMs);
  const ref = await submitted(adapter, workflow, effective.values);
  await meanwhile?.(ref);
  return { workflow, ref, facts: await ended(adapter, ref, deadline) };
}

export async function registered(adapter: EngineAdapter, workflow: WorkflowVersion, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const registration = await adapter.register(workflow, callContext());
    if (registration.state === 'READY') return;
    if (registration.state === 'FAILED')
      throw new Error(`${workflow.title}: ${JSON.stringify(registration.diagnostics)}`);
    if (Date.now() > deadline) throw new Error(`${workflow.title} is not registered`);
    await sleep(250);
  }
}

/** A look whose answer was lost is no fact: the service asks again too. */
export async function observed(adapter: EngineAdapter, ref: ExecutionRef): Promise<Observation> {
  return adapter.observe(ref, callContext()).catch((error: unknown) => {
    if (!(error instanceof EngineError) || error.code !== 'unknown') throw error;
    return { presence: 'unread', key: ref.key, reason: error.message };
  });
}

/** Observes until the run and all its tasks have ended. */
export async function ended(adapter: EngineAdapter, ref: ExecutionRef, deadline: number): Promise<PresentExecution> {
  for (;;) {
    const facts = await observed(adapter, ref);
    if (facts.presence === 'present' && hasEnded(facts)) return facts;
    if (Date.now() > deadline) throw new Error(`not ended: ${JSON.stringify(facts).slice(0, 2_000)}`);
    await sleep(250);
  }
}

async function submitted(
  adapter: EngineAdapter,
  workflow: WorkflowVersion,
  parameters: Record<string, Json>,
): Promise<ExecutionRef> {
  const key = newKey();
  const { id, title, version, digest } = workflow;
  const submission: Submission = {
    ref: { key, workflow: { id, title, version } },
    marker: { installationId: INSTALLATION_ID, key, contentDigest: sha256(digest + JSON.stringify(parameters)) },
    workflow,
    parameters,
    labels: [],
    runId: '4711',
  };
  const answer = await adapter.submit(submission, callContext());
  if (answer.outcome !== 'accepted') throw new Error(`not accepted: ${answer.message}`);
  const { externalId, engineUid } = answer;
  return { ...submission.ref, externalId, ...(engineUid === undefined ? {} : { engineUid }) };
}

export function parityWorkflow(name: string, text: string): WorkflowVersion {
  const digest = sha256(text);
  return {
    id: String(parseInt(digest.slice(0, 8), 16)),
    project: 'default',
    title: `parity ${name}`,
    version: 1,
    definition: { format: 'signalbox/v1', text },
    digest,
  };
}

export function toOutcome(facts: PresentExecution, graph: TaskGraph): Outcome {
  const tasks = (facts.taskRuns ?? []).map((run): [string, TaskOutcome] => {
    const { task, mapIndex, state, stateReason: reason, outputs = {}, failure, attempts = [] } = run;
    const exitCode = state === 'SKIPPED' ? undefined : attempts.at(-1)?.exitCode;
    const name = mapIndex === undefined ? task : `${task}[${mapIndex}]`;
    return [name, { state, reason, outputs, failureCode: failure?.code, exitCode }];
  });
  return {
    phase: facts.phase,
    failureCode: facts.failure?.code,
    outputs: facts.outputs ?? {},
    tasks: Object.fromEntries(tasks.sort(([a], [b]) => (a < b ? -1 : 1))),
    graph: Object.fromEntries(graph.tasks.map(({ title, downstream }) => [title, [...downstream].sort()])),
  };
}

/** The reference: a local engine of its own. */
export async function localSide(): Promise<{ adapter: EngineAdapter; close(): Promise<void> }> {
  const harness = await localEngineHarness();
  const adapter = await harness.connect();
  return {
    adapter,
    close: async () => {
      await adapter.close();
      await harness.cleanUp();
    },
  };
}
