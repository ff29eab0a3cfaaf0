import { needsOf } from './check-tasks.js';
import type {
  Definition,
  Foreach,
  Json,
  OutputDeclaration,
  ParamSchema,
  RetryCause,
  RetryPolicy,
  TaskDefinition,
  TaskKind,
  Trigger,
} from './definition-types.js';
import { RETRY_CAUSES } from './definition-types.js';
import type { DocumentView, TaskView } from './document-view.js';
import { asRecord, asTexts, partAt } from './document-view.js';
import { durationMs } from './duration.js';
import { topologicalOrder } from './topological-order.js';

/** Retries when a `retry` block does not say how many. */
const DEFAULT_RETRIES = 3;

const OTHER_TASK_FIELDS = [
  'python',
  'node',
  'workflow',
  'wait',
  'image',
  'with',
  'infer',
  'inputs',
  'secrets',
  'resources',
  'placement',
  'cache',
  'dependencies',
] as const;
const OTHER_FIELDS = ['schedules', 'finally', 'concurrency', 'targets', 'dependencies'] as const;
const OTHER_DEFAULTS = ['image', 'resources', 'placement', 'cache'] as const;

/** The one form that every engine reads, of a document without errors: defaults merged, edges complete, times in ms. */
export function normalise(view: DocumentView): Definition {
  const { root, tasks } = view;
  const needs = new Map([...tasks].map(([id, task]) => [id, needsOf(task, tasks)]));
  const otherDefaults = pick(asRecord(root.defaults), OTHER_DEFAULTS);
  return {
    apiVersion: 'signalbox/v1',
    name: root.name as string,
    ...optional('title', root.title as string | undefined),
    ...optional('description', root.description as string | undefined),
    labels: { ...asRecord(root.labels) } as Record<string, string>,
    params: { ...asRecord(root.params) } as Record<string, ParamSchema>,
    ...optional('timeoutMs', milliseconds(root.timeout)),
    ...optional('maxParallel', root.maxParallel as number | undefined),
    tasks: topologicalOrder(needs).flatMap((id) => {
      const task = tasks.get(id);
      return task === undefined ? [] : [normaliseTask(task, needs.get(id) ?? [], root)];
    }),
    outputs: { ...asRecord(root.outputs) },
    other: {
      ...pick(root, OTHER_FIELDS),
      ...(Object.keys(otherDefaults).length > 0 ? { defaults: otherDefaults } : {}),
    },
  };
}

function normaliseTask(task: TaskView, needs: string[], root: Record<string, Json>): TaskDefinition {
  const { body } = task;
  const defaults = asRecord(root.defaults);
  const foreach = body.foreach === undefined ? undefined : (asRecord(body.foreach) as unknown as Foreach);
  return {
    id: task.id,
    ...optional('title', body.title as string | undefined),
    ...optional('description', body.description as string | undefined),
    kind: kindOf(body),
    needs,
    trigger: (body.trigger ?? 'all-succeeded') as Trigger,
    ...optional('when', body.when as string | undefined),
    ...optional('foreach', foreach),
    ...optional('run', body.run as string | undefined),
    ...optional('command', body.command === undefined ? undefined : asTexts(body.command)),
    args: asTexts(body.args),
    env: { ...asRecord(root.env), ...asRecord(defaults.env), ...asRecord(body.env) },
    outputs: asRecord(body.outputs) as Record<string, OutputDeclaration>,
    retry: retryPolicy(body.retry ?? defaults.retry),
    ...optional('timeoutMs', milliseconds(body.timeout ?? defaults.timeout)),
    allowFailure: body.allowFailure === true,
    ...optional('skipExitCode', body.skipExitCode as number | undefined),
    other: pick(body, OTHER_TASK_FIELDS),
  };
}

function kindOf(body: Record<string, Json>): TaskKind {
  if (body.command !== undefined) return body.image === undefined ? 'command' : 'container';
  const kinds = ['run', 'python', 'node', 'workflow', 'wait'] as const;
  return kinds.find((kind) => body[kind] !== undefined) ?? 'run';
}

/** A task's own block stands for itself: nothing of the default's block shines through. */
function retryPolicy(block: Json | undefined): RetryPolicy {
  const retry = asRecord(block);
  const absent = block === undefined;
  const exitCodes = Array.isArray(retry.exitCodes) ? (retry.exitCodes as number[]) : undefined;
  return {
    max: typeof retry.max === 'number' ? retry.max : absent ? 0 : DEFAULT_RETRIES,
    delayMs: milliseconds(retry.delay) ?? 0,
    backoff: typeof retry.backoff === 'number' ? retry.backoff : 1,
    ...optional('maxDelayMs', milliseconds(partAt(retry, ['maxDelay']))),
    on: Array.isArray(retry.on)
      ? RETRY_CAUSES.filter((cause: RetryCause) => asTexts(retry.on).includes(cause))
      : [...RETRY_CAUSES],
    ...optional('exitCodes', exitCodes === undefined ? undefined : [...new Set(exitCodes)].sort((a, b) => a - b)),
  };
}

function milliseconds(text: Json | undefined): number | undefined {
  return typeof text === 'string' ? durationMs(text) : undefined;
}

function pick(record: Record<string, Json>, keys: readonly string[]): Record<string, Json> {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = record[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** An absent member is left out, so that equal definitions are equal texts. */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, V>>);
}
