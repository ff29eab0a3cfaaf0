/**
 * Names that Argo knows the tasks of a definition by. Ids are lower case, so whatever has capitals here is none of an id, and
 * each name leads back to its id.
 */

/** A dot is no part of a name of Argo. Not "-" or "_": in `depends` Argo takes those for the same. */
const DOT = '-DOT-';
const RESERVED = '-TASK';
const GATE = '-GATE';

/** The last node of a run: Argo takes its end for that of the run. */
export const VERDICT = 'VERDICT';

/** Words of the language that `depends` is written in; as the name of a task they would be read as what they mean there. */
const WORDS = new Set(
  (
    'and or not in matches contains let if else nil true false all none any one filter map find count sum reduce len type abs ceil floor ' +
    'round int float string trim upper lower split replace repeat join max min mean median now duration date timezone first last get ' +
    'take keys values reverse uniq concat flatten sort bitand bitor bitxor bitnand bitnot bitshl bitshr bitushr'
  ).split(' '),
);

export function taskName(id: string): string {
  return WORDS.has(id) ? `${id}${RESERVED}` : id.replaceAll('.', DOT);
}

/** The node of a fan-out that looks at its trigger and condition, before there are items. */
export function gateName(id: string): string {
  return `${taskName(id)}${GATE}`;
}

/** Whose node it is; nothing for one that stands for no task. */
export function idOf(name: string): { id: string; part: 'task' | 'gate' } | undefined {
  if (name === VERDICT) return undefined;
  const gate = name.endsWith(GATE);
  const own = gate ? name.slice(0, -GATE.length) : name;
  const id = own.endsWith(RESERVED) ? own.slice(0, -RESERVED.length) : own.replaceAll(DOT, '.');
  return { id, part: gate ? 'gate' : 'task' };
}

/** Pods are named by their template: lower case, and what makes it unique comes last. */
export function templateName(id: string, position: number): string {
  return `${id.replaceAll('.', '-').slice(0, 60)}-${position + 1}`;
}

/** Names of arguments of a workflow, and of output parameters of a node. Those of a definition have no hyphen. */
export const PLAN = 'signalbox-plan';
export const RUNNER = 'signalbox-runner';
export const RUN_ID = 'signalbox-run-id';
export const TRACEPARENT = 'signalbox-traceparent';
export const ITEM = 'signalbox-item';
export const INDEX = 'signalbox-index';
/** `COMPLETED`, or `SKIPPED` and the exit code that said so. */
export const ENDING = 'signalbox-end';

export function paramArgument(name: string): string {
  return `signalbox-json-${name}`;
}
