/** What keeps Argo from executing a definition, beyond constructs that it refuses whole. */
import { unsupported } from '../../../definition/constructs.js';
import type { Definition, Diagnostic, Json, TaskDefinition } from '../../../definition/definition-types.js';
import { fieldName, toPointer } from '../../../definition/json-pointer.js';
import { taskName } from './argo-names.js';
import { defaultsOf, settingOf } from './pod-template.js';
import { resourceProblems } from './resources.js';
import { retryRefusal } from './retry-strategy.js';
import { ARGO_SUPPORTS } from './supported-constructs.js';

/** What may stand here is a reference to a registry: Argo would replace `{{...}}` in it. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/;
/** Argo's names of tasks. */
const NAME_LIMIT = 120;

type Refuse = (code: string, reason: string, ...path: string[]) => void;

/** Errors, and warnings about what has no effect; each names the place and what to do instead. */
export function argoProblems(definition: Definition): Diagnostic[] {
  const problems = unsupported(definition, ARGO_SUPPORTS);
  const refuse: Refuse = (code, reason, ...path) => {
    problems.push({ severity: 'error', code, message: `${fieldName(path)} ${reason}.`, pointer: toPointer(path) });
  };
  checkSettings(defaultsOf(definition), refuse, 'defaults');
  for (const task of definition.tasks) checkTask(task, definition, refuse);
  return problems;
}

function checkTask(task: TaskDefinition, definition: Definition, refuse: Refuse): void {
  const at = ['tasks', task.id];
  const isCommand = task.kind === 'run' || task.kind === 'command' || task.kind === 'container';
  if (isCommand && settingOf(task, definition, 'image') === undefined) {
    const advice = 'give it one, or all of them by defaults.image';
    refuse('image-missing', `has no image, and Argo runs tasks in containers: ${advice}`, ...at);
  }
  checkSettings(task.other, refuse, ...at);
  const retry = retryRefusal(task.retry);
  if (retry !== undefined) refuse('construct-unsupported', `is refused: ${retry}`, ...at, 'retry');
  if (taskName(task.id).length > NAME_LIMIT) {
    refuse('engine-name-invalid', `is refused: ${taskName(task.id)} is longer than ${NAME_LIMIT}`, ...at);
  }
}

function checkSettings(settings: Readonly<Record<string, Json>>, refuse: Refuse, ...at: string[]): void {
  const { image, resources } = settings;
  if (image !== undefined && !(typeof image === 'string' && IMAGE.test(image))) {
    refuse('image-invalid', 'is no name of an image, such as registry.example.org/team/tool:1.2', ...at, 'image');
  }
  for (const { path, reason } of resourceProblems(resources)) {
    refuse('construct-unsupported', `is refused: it ${reason}`, ...at, 'resources', ...path);
  }
}
