/** From the nodes of a compiled workflow to the task runs of its definition, as every engine tells them. Pure. */
import type { Json, TaskDefinition } from '../../definition/definition-types.js';
import { collectOutputs, resolveValue } from '../../definition/references.js';
import { runVerdict } from '../../definition/run-verdict.js';
import { toTaskGraph } from '../../definition/task-graph.js';
import type { FinalTaskState } from '../../definition/trigger.js';
import { decideTrigger } from '../../definition/trigger.js';
import { FINAL_TASK_STATES } from '../spi/facts.js';
import type { Failure, TaskRunFacts } from '../spi/facts.js';
import { readJson } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { ENDING, RUN_ID, idOf, paramArgument } from './compile/argo-names.js';
import type { Plan } from './compile/plan.js';
import { compiledFailure } from './compiled-failure.js';
import { argumentOf, objectsIn, textIn } from './read-fields.js';
import { toFailure } from './to-nodes.js';
import type { PlacedNode } from './to-nodes.js';
import { toTaskRuns } from './to-task-runs.js';
import type { TaskRunSources } from './to-task-runs.js';

const RUN_TIMED_OUT = 'run-timed-out';

export interface CompiledSources extends Omit<TaskRunSources, 'graph'> {
  plan: Plan;
}

/** One task run per task, and for a fan-out one more per item. */
export function toCompiledTaskRuns(sources: CompiledSources): TaskRunFacts[] {
  const { plan, nodes } = sources;
  const tasks = new Map(plan.tasks.map((task) => [task.id, task]));
  const gates = new Map<string, PlacedNode>();
  const wholes = new Map<string, PlacedNode>();
  const executions: PlacedNode[] = [];
  for (const node of nodes) {
    const named = idOf(node.task);
    const task = named && tasks.get(named.id);
    if (!named || !task) continue;
    if (named.part === 'gate') gates.set(task.id, node);
    else if (task.foreach && node.mapIndex === undefined && isWhole(node)) wholes.set(task.id, node);
    else if (node.kind !== 'frame') executions.push({ ...node, task: task.id });
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const told = toTaskRuns({ ...sources, graph: toTaskGraph(plan), nodes: executions });
  const all: TaskRunFacts[] = [];
  const states = new Map<string, FinalTaskState | undefined>();
  /** Tasks that the run's time-out ended, or did not let begin. */
  const late = new Set<string>();
  for (const task of plan.tasks) {
    const runs = told.filter((run) => run.task === task.id).map((run) => asAttested(run, task, byId));
    const items = runs.filter(({ mapIndex }) => mapIndex !== undefined);
    const whole = task.foreach
      ? wholeOf(task, items, gates.get(task.id), wholes.get(task.id), sources.notBegun)
      : runs.find(({ mapIndex }) => mapIndex === undefined);
    // Of a fan-out with an item in a phase nobody knows nothing is said as a whole.
    if (!whole || executions.some((node) => task.foreach && node.task === task.id && node.state === undefined)) {
      all.push(...items);
      continue;
    }
    if (whole.state === 'SKIPPED' && whole.stateReason === undefined && task.needs.some((id) => late.has(id))) {
      whole.state = 'CANCELLED';
      whole.stateReason = RUN_TIMED_OUT;
    }
    if (whole.stateReason === RUN_TIMED_OUT) late.add(task.id);
    if (whole.state === 'SKIPPED' && whole.stateReason === undefined) {
      const reason = skipReason(task, states);
      if (reason !== undefined) whole.stateReason = reason;
    }
    states.set(task.id, isFinal(whole.state) ? whole.state : undefined);
    all.push(whole, ...items);
  }
  return all;
}

/** Why the run failed: it took too long, or by the first of its tasks, by id, whose failure counts. */
export function failureOfRun(plan: Plan, taskRuns: readonly TaskRunFacts[]): Failure | undefined {
  if (taskRuns.some(({ stateReason }) => stateReason === RUN_TIMED_OUT)) {
    const message = `The run took longer than ${plan.timeoutMs ?? 0} ms.`;
    return { class: 'timeout', code: RUN_TIMED_OUT, message };
  }
  const verdict = runVerdict(
    plan.tasks.map(({ id, allowFailure }) => ({
      id,
      allowFailure,
      state: (wholeIn(taskRuns, id)?.state ?? 'SKIPPED') as FinalTaskState,
    })),
  );
  if (verdict.phase !== 'FAILED') return undefined;
  const failure = wholeIn(taskRuns, verdict.failedTask)?.failure;
  return failure && { ...failure, task_title: verdict.failedTask };
}

/** Values of the run, by its arguments and what its tasks left; nothing where that is not told. `spec` is that of the workflow. */
export function outputsOfRun(
  plan: Plan,
  taskRuns: readonly TaskRunFacts[],
  spec: JsonObject,
): Record<string, Json> | undefined {
  // What was not told is not null.
  const wholes = plan.tasks.map((task) => [task, wholeIn(taskRuns, task.id)] as const);
  if (wholes.some(([task, run]) => run === undefined || lacksOutputs(run, task))) return undefined;
  const tasks = Object.fromEntries(
    plan.tasks.map(({ id }) => {
      const run = wholeIn(taskRuns, id);
      return [id, { state: run?.state ?? 'SKIPPED', outputs: run?.outputs ?? {} }];
    }),
  );
  const params = Object.fromEntries(
    Object.keys(plan.params).flatMap((name): [string, Json][] => {
      const value = decoded(argumentOf(spec, paramArgument(name)));
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const runId = Buffer.from(argumentOf(spec, RUN_ID) ?? '', 'base64').toString('utf8');
  return resolveValue(plan.outputs, { params, tasks, run: { id: runId } }) as Record<string, Json>;
}

/** A task run with what its pod attested: whether it skipped itself, its outputs, why it failed. */
function asAttested(run: TaskRunFacts, task: TaskDefinition, byId: ReadonlyMap<string, PlacedNode>): TaskRunFacts {
  // Why it was skipped follows from the definition: Argo's own words are about `depends`.
  const { outputs: _encoded, stateReason: _argos, failure, attempts = [], ...rest } = run;
  const attested: TaskRunFacts = {
    ...rest,
    attempts: attempts.map((attempt) => {
      const node = byId.get(attempt.externalId ?? '');
      if (!node) return attempt;
      if (attempt.state === 'FAILED') {
        const { failure: _, exitCode, ...ended } = attempt;
        if (isLate(node)) return { ...ended, state: 'CANCELLED' };
        const failure = compiledFailure(node, task);
        const code = commandsOwn(exitCode, failure);
        return { ...ended, failure, ...(code === undefined ? {} : { exitCode: code }) };
      }
      const code = skipCode(node);
      return code === undefined ? attempt : { ...attempt, state: 'SKIPPED', exitCode: code };
    }),
  };
  const node = byId.get(run.externalId ?? '');
  if (run.state === 'FAILED' && node && isLate(node)) {
    return { ...attested, state: 'CANCELLED', stateReason: RUN_TIMED_OUT };
  }
  if (failure && node) attested.failure = compiledFailure(node, task);
  if (run.state !== 'COMPLETED' || !node) return attested;
  if (skipCode(node) !== undefined) return { ...attested, state: 'SKIPPED', stateReason: 'skip-exit-code' };
  return { ...attested, outputs: outputsOf(node, task) };
}

/** The pod ends with a code of the runner where the command itself ended well, or did not end by itself. */
function commandsOwn(exitCode: number | undefined, { code }: Failure): number | undefined {
  if (code.startsWith('output-')) return 0;
  return code === 'timed-out' || code === 'not-started' || code === 'command-refused' ? undefined : exitCode;
}

/** A task that ended well has written every output it declares. */
function lacksOutputs(run: TaskRunFacts, { outputs }: TaskDefinition): boolean {
  return run.state === 'COMPLETED' && Object.keys(outputs).some((name) => run.outputs?.[name] === undefined);
}

function outputsOf(node: PlacedNode, task: TaskDefinition): Record<string, Json> {
  return Object.fromEntries(
    Object.keys(task.outputs).flatMap((name): [string, Json][] => {
      const value = decoded(handedOver(node, name));
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The exit code by which the task said that there was nothing to do. */
function skipCode(node: PlacedNode): number | undefined {
  const match = /^SKIPPED (\d+)$/.exec(handedOver(node, ENDING) ?? '');
  return match ? Number(match[1]) : undefined;
}

function handedOver({ outputs }: PlacedNode, name: string): string | undefined {
  const parameter = objectsIn(outputs, 'parameters').find((one) => one['name'] === name);
  return parameter && textIn(parameter, 'value');
}

function decoded(text: string | undefined): Json | undefined {
  return text === undefined ? undefined : readJson(Buffer.from(text, 'base64'));
}

/** A fan-out as a whole: what its gate said, then what its items came to. Nothing where the gate is in a phase nobody knows. */
function wholeOf(
  task: TaskDefinition,
  items: TaskRunFacts[],
  gate: PlacedNode | undefined,
  node: PlacedNode | undefined,
  notBegun: 'PENDING' | 'SKIPPED' | 'CANCELLED',
): TaskRunFacts | undefined {
  const whole: TaskRunFacts = { task: task.id, state: notBegun, attempt: 0, attempts: [] };
  if (!gate) return whole;
  if (gate.state === undefined) return undefined;
  if (gate.state === 'FAILED') return { ...whole, state: 'FAILED', failure: compiledFailure(gate, task) };
  if (gate.state === 'SKIPPED' || gate.state === 'CANCELLED') return { ...whole, state: gate.state };
  if (!node) return gate.state === 'COMPLETED' ? whole : { ...whole, state: 'PENDING' };
  if (node.startedAt) whole.startedAt = node.startedAt;
  if (node.finishedAt) whole.finishedAt = node.finishedAt;
  const names = Object.keys(task.outputs);
  // Argo skips a fan-out over nothing; there was nothing to do, and that is done.
  if (node.phase === 'Skipped') return { ...whole, state: 'COMPLETED', outputs: collectOutputs(names, []) };
  if (node.type !== 'TaskGroup') {
    return node.state === 'FAILED'
      ? { ...whole, state: 'FAILED', failure: compiledFailure(node, task) }
      : { ...whole, state: node.state ?? 'PENDING' };
  }
  if (node.state === undefined || !isFinal(node.state)) return { ...whole, state: 'RUNNING' };
  const sorted = [...items].sort((a, b) => (a.mapIndex ?? 0) - (b.mapIndex ?? 0));
  const outputs = collectOutputs(
    names,
    sorted.map((item) => item.outputs),
  );
  const told = sorted.some((item) => lacksOutputs(item, task)) ? {} : { outputs };
  const failed = sorted.filter(({ state }) => state === 'FAILED');
  const [first] = failed;
  if (first?.failure) {
    const message = `${failed.length} of ${items.length} items failed, the first of them item ${first.mapIndex}: ${first.failure.message}`;
    return { ...whole, ...told, state: 'FAILED', failure: { ...first.failure, message } };
  }
  const cancelled = sorted.find(({ state }) => state === 'CANCELLED');
  if (cancelled) {
    const { stateReason } = cancelled;
    return { ...whole, ...told, state: 'CANCELLED', ...(stateReason === undefined ? {} : { stateReason }) };
  }
  if (sorted.every(({ state }) => state === 'SKIPPED'))
    return { ...whole, state: 'SKIPPED', stateReason: 'items-skipped' };
  return { ...whole, ...told, state: 'COMPLETED' };
}

/** No template of ours has a deadline: Argo ends an attempt by one when the run's has passed. */
function isLate(node: PlacedNode): boolean {
  return node.state === 'FAILED' && toFailure(node, node.task).code === 'task-timed-out';
}

function isWhole({ type }: PlacedNode): boolean {
  return type === 'TaskGroup' || type === 'Skipped';
}

/** As the local engine words it; nothing as long as something before it goes on. */
function skipReason(task: TaskDefinition, states: ReadonlyMap<string, FinalTaskState | undefined>): string | undefined {
  const upstream = task.needs.flatMap((id) => states.get(id) ?? []);
  if (upstream.length < task.needs.length) return undefined;
  const decision = decideTrigger(task.trigger, upstream);
  return decision.run ? 'condition-false' : decision.reason;
}

function isFinal(state: string): state is FinalTaskState {
  return (FINAL_TASK_STATES as readonly string[]).includes(state);
}

function wholeIn(taskRuns: readonly TaskRunFacts[], id: string): TaskRunFacts | undefined {
  return taskRuns.find(({ task, mapIndex }) => task === id && mapIndex === undefined);
}
