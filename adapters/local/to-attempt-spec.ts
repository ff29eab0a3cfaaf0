import type { Json, TaskDefinition } from '../../definition/definition-types.js';
import type { ReferenceScope } from '../../definition/references.js';
import { argumentText, resolveValue } from '../../definition/references.js';
import type { AttemptSpec } from './attempt-folder.js';
import { MARKER_VARIABLE } from './attempt-processes.js';
import type { LocalOptions } from './local-options.js';
import type { LocalRun, LocalTaskRun } from './run-model.js';
import { WHOLE } from './run-model.js';

/** All that a task inherits from the machine; nothing of the service's own environment is among it. */
export const HOST_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

export interface AttemptPlace {
  /** SIGNALBOX_DIR of the attempt. */
  taskFolder: string;
  marker: string;
  host: Readonly<Record<string, string | undefined>>;
  options: LocalOptions;
}

/** The values that references of a task stand for. The item is that of `taskRun`. */
export function toScope(run: LocalRun, task: TaskDefinition, taskRun?: LocalTaskRun): ReferenceScope {
  const needed = new Set(task.needs);
  return {
    params: run.parameters,
    tasks: Object.fromEntries(
      run.tasks
        .filter((other) => other.mapIndex === WHOLE && needed.has(other.task))
        .map((other) => [other.task, { state: other.state, outputs: other.outputs ?? {} }]),
    ),
    ...(taskRun?.item === undefined ? {} : { item: taskRun.item }),
    run: { id: run.workflowRunId },
  };
}

/** What the supervisor is told and what the task reads, for an attempt; the same however often it is asked. */
export function toAttemptSpec(
  run: LocalRun,
  task: TaskDefinition,
  taskRun: LocalTaskRun,
  place: AttemptPlace,
): { spec: AttemptSpec; manifest: object } {
  const scope = toScope(run, task, taskRun);
  const text = (value: Json): string => argumentText(resolveValue(value, scope));
  // Values reach a shell as variables and arguments only: its text is the author's, word for word.
  const argv =
    task.kind === 'run' ? ['/bin/sh', '-c', task.run ?? ''] : [...(task.command ?? []), ...task.args].map(text);
  const env = Object.fromEntries(Object.entries(task.env).map(([name, value]) => [name, text(value)]));
  const item = taskRun.mapIndex === WHOLE ? undefined : (taskRun.item ?? null);
  return {
    spec: {
      argv,
      env: {
        ...hostEnvironment(place.host),
        ...env,
        SIGNALBOX_DIR: place.taskFolder,
        SIGNALBOX_RUN_ID: run.workflowRunId,
        SIGNALBOX_TASK: task.id,
        SIGNALBOX_ATTEMPT: String(taskRun.attempt),
        ...(item === undefined ? {} : { SIGNALBOX_ITEM: argumentText(item) }),
        TRACEPARENT: run.traceparent,
        [MARKER_VARIABLE]: place.marker,
      },
      marker: place.marker,
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
      graceMs: place.options.terminateGraceMs,
      logLimitBytes: place.options.logLimitBytes,
      outputs: Object.keys(task.outputs),
      outputLimitBytes: place.options.outputLimitBytes,
    },
    manifest: {
      apiVersion: run.definition.apiVersion,
      run: { id: run.workflowRunId },
      task: {
        id: task.id,
        attempt: taskRun.attempt,
        ...(item === undefined ? {} : { mapIndex: taskRun.mapIndex, item }),
      },
      arguments: task.args.map((value) => resolveValue(value, scope)),
      inputs: {},
      outputs: task.outputs,
    },
  };
}

function hostEnvironment(host: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of HOST_VARIABLES) {
    const value = host[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
