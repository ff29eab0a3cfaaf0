/** What Argo makes of each construct of a definition: one table for `validate`, the report and the README. */
import type { Construct, UsedConstruct } from '../../../definition/constructs.js';
import { unsupported, usedConstructs } from '../../../definition/constructs.js';
import type { Definition, Diagnostic, TaskDefinition } from '../../../definition/definition-types.js';
import { fieldName, fromPointer, toPointer } from '../../../definition/json-pointer.js';
import { taskName } from './argo-names.js';
import { settingOf } from './pod-template.js';
import { resourceProblems } from './resources.js';
import { retryRefusal } from './retry-strategy.js';

export type Treatment = 'native' | 'emulated' | 'ignored' | 'refused';

export interface ReportLine extends UsedConstruct {
  treatment: Treatment;
  /** How, or what to do instead. */
  note: string;
}

/** A construct that is not here is refused. */
export const TREATMENTS: Readonly<Partial<Record<Construct, { treatment: Treatment; note: string }>>> = {
  params: { treatment: 'native', note: 'arguments of the workflow, base64 of JSON' },
  run: { treatment: 'native', note: 'a container; the text is an argument of its shell' },
  command: { treatment: 'native', note: 'a container' },
  args: { treatment: 'native', note: 'arguments of the command' },
  image: { treatment: 'native', note: 'image of the container; it has /bin/sh, base64, and awk where the task has outputs' },
  resources: { treatment: 'native', note: 'requests and limits of the container' },
  needs: { treatment: 'native', note: 'depends' },
  references: { treatment: 'native', note: 'expressions over arguments and output parameters' },
  outputs: { treatment: 'native', note: 'output parameters, base64 of what the task wrote, checked in the pod' },
  retry: { treatment: 'native', note: 'retryStrategy' },
  timeout: { treatment: 'emulated', note: "a clock in the pod, from the command's start on" },
  runTimeout: { treatment: 'native', note: 'activeDeadlineSeconds, rounded up to whole seconds' },
  maxParallel: { treatment: 'native', note: 'parallelism: pods at once' },
  allowFailure: { treatment: 'native', note: 'what the last node of the run depends on' },
  skipExitCode: { treatment: 'emulated', note: 'the pod ends well and says so in an output parameter' },
  when: { treatment: 'native', note: 'an expression with the same answers' },
  trigger: { treatment: 'native', note: 'depends, or an expression where a task may skip itself or fan out' },
  foreach: { treatment: 'native', note: 'withParam; maxParallel as so many locks that items take turns at' },
  env: { treatment: 'native', note: 'set by the runner in the pod' },
  runOutputs: { treatment: 'emulated', note: 'read by Signalbox from the output parameters of the tasks' },
  targets: { treatment: 'ignored', note: 'settings of single engines' },
};

/** What to write instead, where there is something. */
const HINTS: Readonly<Partial<Record<Construct, string>>> = {
  python: 'call it with command: [python, -m, MODULE]',
  node: 'call it with command: [node, SCRIPT]',
  wait: 'run: sleep SECONDS does it in a pod',
  schedules: 'a CronWorkflow of Argo would start runs that Signalbox does not know',
  placement: 'say it in the workflowDefaults of the controller',
};

const EXECUTED = constructsThatAre('native', 'emulated');
const IGNORED = constructsThatAre('ignored');
/** A reference to a registry is what may stand here: Argo would replace `{{...}}` in it. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/;
/** Names of Argo. */
const NAME_LIMIT = 120;

/** All that keeps Argo from executing a definition, and warnings about what it ignores. */
export function refusals(definition: Definition): Diagnostic[] {
  const diagnostics = unsupported(definition, { executes: EXECUTED, ignores: IGNORED }).map((diagnostic) => {
    const used = usedConstructs(definition).find(({ pointer }) => pointer === diagnostic.pointer);
    const hint = used && HINTS[used.construct];
    return hint === undefined ? diagnostic : { ...diagnostic, message: `${diagnostic.message.replace(/\.$/, '')}; ${hint}.` };
  });
  const refuse = (code: string, reason: string, ...path: string[]): void => {
    diagnostics.push({ severity: 'error', code, message: `${fieldName(path)} ${reason}.`, pointer: toPointer(path) });
  };
  for (const task of definition.tasks) checkTask(task, definition, refuse);
  const defaults = definition.other['defaults'];
  if (defaults !== null && typeof defaults === 'object' && !Array.isArray(defaults)) {
    checkImage(defaults['image'], refuse, 'defaults', 'image');
    checkResources(defaults['resources'], refuse, 'defaults', 'resources');
  }
  return diagnostics;
}

type Refuse = (code: string, reason: string, ...path: string[]) => void;

function checkTask(task: TaskDefinition, definition: Definition, refuse: Refuse): void {
  const at = ['tasks', task.id];
  const executable = task.kind === 'run' || task.kind === 'command' || task.kind === 'container';
  if (executable && settingOf(task, definition, 'image') === undefined) {
    refuse('image-missing', 'has no image: Argo runs tasks in containers; give it one, or the definition defaults.image', ...at);
  }
  checkImage(task.other['image'], refuse, ...at, 'image');
  checkResources(task.other['resources'], refuse, ...at, 'resources');
  const retry = retryRefusal(task.retry);
  if (retry !== undefined) refuse('construct-unsupported', `is refused: ${retry}`, ...at, 'retry');
  if (task.foreach?.failFast === true) {
    const reason = 'is refused: Argo cannot end items of a run that goes on';
    refuse('construct-unsupported', reason, ...at, 'foreach', 'failFast');
  }
  if (taskName(task.id).length > NAME_LIMIT) {
    refuse('engine-name-invalid', `is called ${taskName(task.id)} on Argo, which is longer than ${NAME_LIMIT}`, ...at);
  }
}

function checkImage(image: unknown, refuse: Refuse, ...path: string[]): void {
  if (image === undefined || (typeof image === 'string' && IMAGE.test(image))) return;
  refuse('image-invalid', 'is no name of an image, such as registry.example.org/team/tool:1.2', ...path);
}

function checkResources(resources: Parameters<typeof resourceProblems>[0], refuse: Refuse, ...path: string[]): void {
  for (const { path: below, reason } of resourceProblems(resources)) {
    refuse('construct-unsupported', `is refused: it ${reason}`, ...path, ...below);
  }
}

/** One line for each use of a construct, and what Argo cannot do of it. */
export function toReport(definition: Definition): ReportLine[] {
  const refused = refusals(definition).filter(({ severity }) => severity === 'error');
  return usedConstructs(definition).map((used) => {
    const found = refused.find(({ pointer }) => pointer === used.pointer);
    const known = TREATMENTS[used.construct];
    if (found !== undefined || known === undefined) {
      return { ...used, treatment: 'refused', note: found?.message ?? `${fieldName(fromPointer(used.pointer))} is refused` };
    }
    return { ...used, ...known };
  });
}

function constructsThatAre(...treatments: Treatment[]): ReadonlySet<Construct> {
  return new Set(
    Object.entries(TREATMENTS).flatMap(([construct, { treatment }]) =>
      treatments.includes(treatment) ? [construct as Construct] : [],
    ),
  );
}
