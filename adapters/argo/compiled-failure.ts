/** Why a task of a compiled workflow failed, in the words of every engine. Pure. */
import type { TaskDefinition } from '../../definition/definition-types.js';
import type { Failure } from '../spi/facts.js';
import { MAX_ITEMS } from './compile/task-values.js';
import { ITEMS_REFUSED } from './compile/compile-workflow.js';
import { WHEN_FAILED } from './compile/triggers.js';
import type { PlacedNode } from './to-nodes.js';
import { toFailure } from './to-nodes.js';

/** Last words of the runner in the pod, at the end of what Argo says of the container. */
const LAST_WORDS = /: signalbox ([a-z-]+): ([\s\S]*)$/;
const CLASS_OF: Readonly<Record<string, Failure['class']>> = { 'timed-out': 'timeout', 'not-started': 'platform' };

export function compiledFailure(node: PlacedNode, task: TaskDefinition): Failure {
  const { message = '' } = node;
  const title = { task_title: task.id };
  const lastWords = LAST_WORDS.exec(message);
  if (lastWords) {
    const [, code = '', text = ''] = lastWords;
    return { class: CLASS_OF[code] ?? 'user', code, message: text, ...title };
  }
  // Argo quotes what an expression gave; one that it could not evaluate it quotes whole, with all that it might give.
  if (message.includes(`Got ${WHEN_FAILED}`)) {
    return { class: 'user', code: 'when-failed', message: 'The condition cannot be evaluated.', ...title };
  }
  if (isRefusal(message, ITEMS_REFUSED.notAList)) {
    return { class: 'user', code: 'foreach-not-a-list', message: 'The items of foreach are not a list.', ...title };
  }
  if (isRefusal(message, ITEMS_REFUSED.tooMany)) {
    return { class: 'user', code: 'foreach-too-large', message: `foreach has more than ${MAX_ITEMS} items.`, ...title };
  }
  const failure = toFailure(node, task.id);
  if (node.phase !== 'Failed' || node.exitCode === undefined || failure.class === 'timeout') return failure;
  const plain = /^main: Error \(exit code \d+\)$/.test(message);
  const text = plain ? `The command ended with exit code ${node.exitCode}.` : message;
  return { class: 'user', code: 'exit-code', message: text, ...title };
}

function isRefusal(message: string, code: string): boolean {
  return message.includes(`JSON list: ${code}: `);
}
