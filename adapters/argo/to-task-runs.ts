/** From the nodes of a workflow and its task graph to its task runs. Pure. */
import type { Json } from '../../definition/definition-types.js';
import { FINAL_TASK_STATES } from '../spi/facts.js';
import type { AttemptFacts, TaskGraph, TaskRunFacts, TaskState } from '../spi/facts.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { historyKey, withHistory } from './attempt-history.js';
import type { AttemptHistory } from './attempt-history.js';
import { objectsIn, textIn } from './read-fields.js';
import { toFailure } from './to-nodes.js';
import type { PlacedNode } from './to-nodes.js';

export interface TaskRunSources {
  graph: TaskGraph;
  nodes: readonly PlacedNode[];
  history: AttemptHistory;
  /** What became of tasks that have no node: Argo makes one when a task begins. */
  notBegun: 'PENDING' | 'SKIPPED' | 'CANCELLED';
  /** Address of a node's page, where somebody serves one. */
  pageOf(nodeId: string): string | undefined;
}

interface Group {
  task: string;
  mapIndex?: number;
  executions: PlacedNode[];
  retry?: PlacedNode;
}

/** Each task run once. One whose node is in a phase nobody knows is left out: nothing is said of it. */
export function toTaskRuns(sources: TaskRunSources): TaskRunFacts[] {
  const { graph, nodes } = sources;
  const titles = new Set(graph.tasks.map(({ title }) => title));
  const groups = groupsOf(nodes.flatMap((node) => (node.kind === 'frame' ? emptyFanOut(node) : spread(node, titles))));
  const runs = groups.flatMap((group) => toTaskRun(group, sources));
  const begun = new Set(groups.map(({ task }) => task));
  for (const { title } of graph.tasks) if (!begun.has(title)) runs.push(withoutNode(title, sources));
  return runs;
}

function groupsOf(nodes: PlacedNode[]): Group[] {
  const groups = new Map<string, Group>();
  for (const node of nodes) {
    const key = historyKey(node.task, node.mapIndex);
    const group = groups.get(key) ?? { task: node.task, executions: [] };
    if (node.mapIndex !== undefined) group.mapIndex = node.mapIndex;
    if (node.kind === 'retry') group.retry = node;
    else group.executions.push(node);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ...group, executions: group.executions.sort(byAttempt) }));
}

/** A nested workflow that is skipped as a whole has one node; all of its tasks are skipped with it. */
function spread(node: PlacedNode, titles: ReadonlySet<string>): PlacedNode[] {
  if (titles.has(node.task)) return [node];
  const within = [...titles].filter((title) => title.startsWith(`${node.task}.`));
  if (node.type === 'Skipped') return within.length > 0 ? within.map((task) => ({ ...node, task })) : [node];
  // The Retry node around a nested workflow is none of a task.
  return node.kind === 'retry' && within.length > 0 ? [] : [node];
}

/** A fan-out over nothing is a group without nodes. */
function emptyFanOut(node: PlacedNode): PlacedNode[] {
  const ended = node.state !== undefined && FINAL_TASK_STATES.includes(node.state);
  if (node.type !== 'TaskGroup' || node.children.length > 0 || !ended) return [];
  return [{ ...node, kind: 'execution', type: 'Skipped' }];
}

function toTaskRun(group: Group, { history, pageOf }: TaskRunSources): TaskRunFacts[] {
  const { task, mapIndex, executions, retry } = group;
  const newest = executions.at(-1) ?? retry;
  const state = stateOf(group);
  if (newest === undefined || state === undefined) return [];
  const current = executions.filter(({ type }) => type !== 'Skipped').flatMap((node) => toAttempt(node, task));
  const attempts = withHistory(history.get(historyKey(task, mapIndex)) ?? [], current);
  const run: TaskRunFacts = {
    task,
    state,
    attempt: attempts.length,
    attempts,
    externalId: newest.id,
  };
  const page = pageOf(newest.id);
  if (page !== undefined) run.engineUrl = page;
  if (mapIndex !== undefined) run.mapIndex = mapIndex;
  const reason = newest.type === 'Skipped' ? skipReason(newest.message) : undefined;
  if (reason !== undefined) run.stateReason = reason;
  const startedAt = (retry ?? executions[0])?.startedAt;
  if (startedAt && attempts.length > 0) run.startedAt = startedAt;
  const finishedAt = (retry ?? newest).finishedAt;
  if (finishedAt && FINAL_TASK_STATES.includes(state)) run.finishedAt = finishedAt;
  const outputs = toOutputs(newest.outputs);
  if (outputs) run.outputs = outputs;
  if (state === 'FAILED') run.failure = toFailure(newest, task);
  return [run];
}

function stateOf({ retry, executions }: Group): TaskState | undefined {
  const newest = executions.at(-1);
  if (retry?.state === undefined || retry.state === 'RUNNING') {
    // Between two attempts the Retry node still runs.
    const between = retry !== undefined && newest?.state === 'FAILED';
    return between ? 'RETRYING' : (newest?.state ?? retry?.state);
  }
  // A stopped Retry node says so in the message of its attempt.
  return retry.state === 'FAILED' && newest?.state === 'CANCELLED' ? 'CANCELLED' : retry.state;
}

/** One in a phase nobody knows has not ended; left out, those after it would take its number. */
function toAttempt(node: PlacedNode, task: string): AttemptFacts[] {
  if (node.state === undefined) return [{ attempt: 0, state: 'RUNNING', externalId: node.id }];
  const attempt: AttemptFacts = { attempt: 0, state: node.state, externalId: node.id };
  if (node.startedAt) attempt.startedAt = node.startedAt;
  if (node.finishedAt) attempt.finishedAt = node.finishedAt;
  if (node.exitCode !== undefined) attempt.exitCode = node.exitCode;
  if (node.state === 'FAILED') attempt.failure = toFailure(node, task);
  return [attempt];
}

function withoutNode(title: string, { history, notBegun }: TaskRunSources): TaskRunFacts {
  const attempts = withHistory(history.get(title) ?? [], []);
  return { task: title, state: notBegun, attempt: attempts.length, attempts };
}

function skipReason(message: string | undefined): string | undefined {
  if (message === undefined) return undefined;
  if (message.startsWith('omitted:')) return 'upstream-failed';
  return message.startsWith('when ') ? 'condition-false' : undefined;
}

/** Output parameters by name, and what a script printed as `result`; nothing when there are none. */
export function toOutputs(outputs: JsonObject): Record<string, Json> | undefined {
  const pairs = objectsIn(outputs, 'parameters').flatMap((parameter): [string, Json][] => {
    const name = textIn(parameter, 'name');
    const value = parameter['value'];
    return name === undefined || typeof value !== 'string' ? [] : [[name, toValue(value)]];
  });
  if (typeof outputs['result'] === 'string') pairs.push(['result', toValue(outputs['result'])]);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

/** Argo's values are texts. One that is JSON is taken as that, unless a number in it would lose digits. */
export function toValue(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  const losesDigits = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return losesDigits && /^\s*-?\d+\s*$/.test(text) ? text : value;
}

function byAttempt(a: PlacedNode, b: PlacedNode): number {
  for (let at = 0; at < Math.max(a.attempts.length, b.attempts.length); at += 1) {
    const difference = (a.attempts[at] ?? -1) - (b.attempts[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
