/** From the nodes of a workflow's status to their places in the task graph. Pure. */
import type { Failure, TaskState } from '../spi/facts.js';
import { readObject, readText } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { objectIn, textIn, timeIn } from './read-fields.js';
import { ON_EXIT } from './to-task-graph.js';

/** Argo's words for a node. Pending is a pod that has not begun, whatever keeps it. */
export const NODE_PHASES: Readonly<Record<string, TaskState>> = {
  Pending: 'SCHEDULED',
  Running: 'RUNNING',
  Succeeded: 'COMPLETED',
  Skipped: 'SKIPPED',
  Omitted: 'SKIPPED',
  Failed: 'FAILED',
  Error: 'FAILED',
};

/** Nodes that hold others together, and containers of a pod that is a task itself. */
const FRAMES = new Set(['Steps', 'StepGroup', 'DAG', 'TaskGroup', 'Container']);

/** Boundaries within boundaries; a ring of them ends here. */
const DEPTH_LIMIT = 64;
/** One fan-out within another: far apart, so that both positions stay in one number. */
const ITEMS_APART = 1_000_000;

export interface ArgoNode {
  id: string;
  type: string;
  /** Argo's own word; `state` is absent when it is not a known one. */
  phase: string;
  state?: TaskState;
  message?: string;
  startedAt?: Date;
  finishedAt?: Date;
  exitCode?: number;
  outputs: JsonObject;
  /** Ids of the nodes after it; of a Retry node, of its attempts. */
  children: string[];
  pod: string;
}

export interface PlacedNode extends ArgoNode {
  /** Title of its task: `outer.inner`. */
  task: string;
  mapIndex?: number;
  /** Numbers of the attempts it is part of, outermost first; they order the attempts of one task. */
  attempts: number[];
  kind: 'execution' | 'retry' | 'frame';
}

interface Position {
  path: string[];
  items: number[];
  attempts: number[];
}

/**
 * Nodes of hooks have no place in the graph and are left out; what an exit handler does is under `onExit`. Throws `unknown` for a
 * node without name or type: left out, its task would look as if it had never begun.
 */
export function toNodes(workflowName: string, nodes: JsonObject, podNamesV1 = false): PlacedNode[] {
  const records = new Map(Object.entries(nodes).map(([id, node]) => [id, readObject(node, 'a node')] as const));
  const retries = [...records.values()].filter((node) => node['type'] === 'Retry');
  const attempts = new Set(retries.flatMap(childrenOf));
  const positions = new Map<string, Position | undefined>();

  const positionOf = (id: string, node: JsonObject, depth: number): Position | undefined => {
    if (positions.has(id)) return positions.get(id);
    const position = depth > DEPTH_LIMIT ? undefined : compute(id, node, depth);
    positions.set(id, position);
    return position;
  };

  const compute = (id: string, node: JsonObject, depth: number): Position | undefined => {
    const name = readText(node['name'], 'name of a node');
    const boundaryId = textIn(node, 'boundaryID');
    const boundary = boundaryId === undefined ? undefined : records.get(boundaryId);
    const around =
      boundaryId === undefined || boundary === undefined
        ? { path: [], items: [], attempts: [] }
        : positionOf(boundaryId, boundary, depth + 1);
    if (!around) return undefined;
    const prefix = boundary === undefined ? workflowName : (textIn(boundary, 'name') ?? '');
    if (!name.startsWith(prefix)) return undefined;
    const part = readPart(name.slice(prefix.length), attempts.has(id));
    if (!part) return undefined;
    const hooked = objectIn(node, 'nodeFlag')['hooked'] === true;
    if (hooked && !(boundary === undefined && part.name === ON_EXIT)) return undefined;
    return {
      path: part.name === undefined ? around.path : [...around.path, part.name],
      items: part.item === undefined ? around.items : [...around.items, part.item],
      attempts: part.attempt === undefined ? around.attempts : [...around.attempts, part.attempt],
    };
  };

  return [...records].flatMap(([id, node]): PlacedNode[] => {
    const position = positionOf(id, node, 0);
    if (!position) return [];
    const { path, items } = position;
    const type = readText(node['type'], 'type of a node');
    const placed: PlacedNode = {
      ...readNode(workflowName, id, node, podNamesV1),
      task: path.length === 0 ? templateOf(node) : path.join('.'),
      attempts: position.attempts,
      kind: type === 'Retry' ? 'retry' : FRAMES.has(type) ? 'frame' : 'execution',
    };
    if (items.length > 0) placed.mapIndex = items.reduce((sum, item) => sum * ITEMS_APART + item, 0);
    return [placed];
  });
}

/** Whether Argo ended the node because we, or somebody, stopped the workflow. */
export function wasStopped(message: string | undefined): boolean {
  // One code path writes two blanks.
  return (
    message !== undefined &&
    /^(workflow shutdown with strategy:\s+(Stop|Terminate)|Stopped with strategy ')/.test(message)
  );
}

export function toFailure(node: Pick<ArgoNode, 'phase' | 'message' | 'exitCode'>, task: string): Failure {
  const message =
    node.message ?? (node.exitCode === undefined ? `node is ${node.phase}` : `exit code ${node.exitCode}`);
  if (/exceeded its deadline|active on the node longer than the specified deadline/.test(message)) {
    return { class: 'timeout', code: 'task-timed-out', message, task_title: task };
  }
  if (node.phase === 'Error' || /ImagePull|ErrImage|pod deleted|evicted/i.test(message)) {
    return { class: 'platform', code: 'task-could-not-run', message, task_title: task };
  }
  return { class: 'user', code: 'task-failed', message, task_title: task };
}

/** `[0].name(3:item)(1)`: the group of steps, the task, the item of a fan-out, the attempt. All but the last may be missing. */
function readPart(text: string, isAttempt: boolean): { name?: string; item?: number; attempt?: number } | undefined {
  const attempt = isAttempt ? /\((\d+)\)$/.exec(text) : null;
  const rest = attempt ? text.slice(0, attempt.index) : text;
  const match = /^(?:\[\d+\])?(?:\.([A-Za-z0-9_-]+)(?:\((\d+):[\s\S]*\))?)?$/.exec(rest);
  if (!match) return undefined;
  const [, name, item] = match;
  return {
    ...(name === undefined ? {} : { name }),
    ...(item === undefined ? {} : { item: Number(item) }),
    ...(attempt ? { attempt: Number(attempt[1]) } : {}),
  };
}

function readNode(workflowName: string, id: string, node: JsonObject, podNamesV1: boolean): ArgoNode {
  const phase = textIn(node, 'phase') ?? 'Pending';
  const type = readText(node['type'], 'type of a node');
  const message = textIn(node, 'message');
  const outputs = objectIn(node, 'outputs');
  const exitCode = textIn(outputs, 'exitCode');
  const startedAt = timeIn(node, 'startedAt');
  const finishedAt = timeIn(node, 'finishedAt');
  const state = stateOf(phase, type, message);
  return {
    id,
    type,
    phase,
    outputs,
    children: childrenOf(node),
    pod: podNamesV1 ? id : podName(workflowName, textIn(node, 'name') ?? '', templateOf(node)),
    ...(state === undefined ? {} : { state }),
    ...(message === undefined ? {} : { message }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(exitCode !== undefined && /^\d{1,9}$/.test(exitCode) ? { exitCode: Number(exitCode) } : {}),
  };
}

function stateOf(phase: string, type: string, message: string | undefined): TaskState | undefined {
  const state = Object.hasOwn(NODE_PHASES, phase) ? NODE_PHASES[phase] : undefined;
  if (state === 'RUNNING' && type === 'Suspend') return 'PAUSED';
  return state === 'FAILED' && wasStopped(message) ? 'CANCELLED' : state;
}

/** The pod of a node, as Argo names it since 3.4 (`workflow/util/pod_name.go`). */
export function podName(workflowName: string, nodeName: string, template: string): string {
  if (nodeName === workflowName) return workflowName;
  const prefix = nodeName.includes('.inline') ? workflowName : `${workflowName}-${template}`;
  return `${prefix.slice(0, 253 - 11)}-${fnv32a(nodeName)}`;
}

function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function templateOf(node: JsonObject): string {
  return textIn(node, 'templateName') ?? textIn(objectIn(node, 'templateRef'), 'template') ?? '';
}

function childrenOf(node: JsonObject): string[] {
  return Array.isArray(node['children']) ? node['children'].map(String) : [];
}
