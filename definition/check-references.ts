import type { Finding } from './check-structure.js';
import { MAX_HINTED } from './check-tasks.js';
import { closestName } from './closest-name.js';
import type { Json } from './definition-types.js';
import type { DocumentView, TaskView } from './document-view.js';
import { asRecord, partAt, REFERENCE_FIELDS, typeOf } from './document-view.js';
import { fieldName } from './json-pointer.js';
import type { Reference } from './references.js';
import { parseReferences } from './references.js';
import { parseWhen } from './when-expression.js';

/** Where a reference stands, which decides what it may name. */
interface Site {
  task?: TaskView;
  /** `${{ item }}` has a value here. */
  item: boolean;
  /** Results of tasks are known here. */
  results: boolean;
}

/** Every reference and condition of a document against the names that exist. */
export function checkReferences(view: DocumentView): Finding[] {
  const findings: Finding[] = [];
  const early: Site = { item: false, results: false };
  checkValueTexts(view.root.env, ['env'], early, view, findings);
  checkValueTexts(partAt(view.root, ['defaults', 'env']), ['defaults', 'env'], early, view, findings);
  const defaultKey = partAt(view.root, ['defaults', 'cache', 'key']);
  checkValueTexts(defaultKey, ['defaults', 'cache', 'key'], early, view, findings);
  for (const task of [...view.tasks.values(), ...view.finallyTasks.values()]) checkTask(task, view, findings);
  checkRunOutputs(view, findings);
  return findings;
}

function checkTask(task: TaskView, view: DocumentView, findings: Finding[]): void {
  const { body, path } = task;
  const report = (code: string, message: string, ...at: string[]): void => {
    findings.push({ severity: 'error', code, message, path: [...path, ...at] });
  };
  for (const field of REFERENCE_FIELDS) {
    const item = body.foreach !== undefined && field[0] !== 'foreach';
    checkValueTexts(partAt(body, field), [...path, ...field], { task, item, results: true }, view, findings);
  }
  if (typeof body.run === 'string' && body.run.includes('${{')) {
    const hint = 'pass the value through env and use "$NAME" in the shell text';
    report(
      'reference-in-shell',
      `${fieldName([...path, 'run'])} is shell text and takes no references; ${hint}.`,
      'run',
    );
  }
  for (const field of ['image', 'python', 'node', 'wait', 'timeout', 'retry', 'secrets', 'resources', 'placement']) {
    if (holdsReference(body[field])) {
      report('reference-not-allowed', `${fieldName([...path, field])} takes no references.`, field);
    }
  }
  checkItems(task, view, report);
  if (typeof body.when === 'string') {
    const { diagnostics, references } = parseWhen(body.when);
    for (const { code, message } of diagnostics) report(code, `${fieldName([...path, 'when'])}: ${message}`, 'when');
    for (const reference of references) {
      checkReference(reference, [...path, 'when'], { task, item: false, results: true }, view, findings);
    }
  }
}

function checkItems(
  task: TaskView,
  view: DocumentView,
  report: (code: string, message: string, ...at: string[]) => void,
): void {
  const items = partAt(task.body, ['foreach', 'items']);
  if (typeof items !== 'string') return;
  const { parts } = parseReferences(items);
  const [only] = parts;
  const field = fieldName([...task.path, 'foreach', 'items']);
  if (parts.length !== 1 || only === undefined || !('reference' in only)) {
    report('items-not-a-list', `${field} must be a list or one reference to a list.`, 'foreach', 'items');
    return;
  }
  const type = typeOf(only.reference, view);
  if (type !== undefined && type !== 'array') {
    report('type-mismatch', `${field} must be a list, but ${only.source} is declared as ${type}.`, 'foreach', 'items');
  }
}

function checkRunOutputs(view: DocumentView, findings: Finding[]): void {
  for (const [name, value] of Object.entries(asRecord(view.root.outputs))) {
    const path = ['outputs', name];
    checkValueTexts(value, path, { item: false, results: true }, view, findings);
    if (typeof value === 'string' && !value.includes('${{')) {
      const message = `${fieldName(path)} must refer to something, such as \${{ tasks.ID.outputs.NAME }}.`;
      findings.push({ severity: 'error', code: 'output-without-reference', message, path });
    }
  }
}

/** Walks a value to its texts, parses each and looks up every name. */
function checkValueTexts(
  value: Json | undefined,
  path: string[],
  site: Site,
  view: DocumentView,
  findings: Finding[],
): void {
  if (typeof value === 'string') {
    const { parts, problems } = parseReferences(value);
    for (const message of problems) {
      findings.push({ severity: 'error', code: 'bad-reference', message: `${fieldName(path)}: ${message}`, path });
    }
    for (const part of parts) if ('reference' in part) checkReference(part.reference, path, site, view, findings);
  } else if (Array.isArray(value)) {
    value.forEach((entry, index) => checkValueTexts(entry, [...path, String(index)], site, view, findings));
  } else if (value !== undefined) {
    for (const [key, entry] of Object.entries(asRecord(value))) {
      checkValueTexts(entry, [...path, key], site, view, findings);
    }
  }
}

function checkReference(
  reference: Reference,
  path: string[],
  site: Site,
  view: DocumentView,
  findings: Finding[],
): void {
  const report = (code: string, message: string): void => {
    findings.push({ severity: 'error', code, message: `${fieldName(path)}: ${message}`, path });
  };
  switch (reference.kind) {
    case 'run-id':
      return;
    case 'run-state':
      if (site.task?.isFinally !== true) report('run-state', 'run.state is known only to tasks under "finally".');
      return;
    case 'item':
      if (!site.item)
        report('item-outside-foreach', 'item is known only in a task with foreach, and not in its items.');
      return;
    case 'param':
      if (!view.params.has(reference.name)) {
        report(
          'unknown-param',
          `there is no param "${reference.name}"${meant(reference.name, findings.length < MAX_HINTED ? view.params.keys() : [])}`,
        );
      }
      return;
    case 'state':
    case 'outputs':
    case 'output':
      return checkResult(reference, site, view, findings.length < MAX_HINTED, report);
  }
}

function checkResult(
  reference: Extract<Reference, { task: string }>,
  site: Site,
  view: DocumentView,
  hints: boolean,
  report: (code: string, message: string) => void,
): void {
  if (!site.results) {
    report('reference-not-allowed', 'results of tasks are not known here, only params and run.id.');
    return;
  }
  const visible = site.task?.isFinally === true ? new Map([...view.tasks, ...view.finallyTasks]) : view.tasks;
  const task = visible.get(reference.task);
  if (task === undefined) {
    report('unknown-task', `there is no task "${reference.task}"${meant(reference.task, hints ? visible.keys() : [])}`);
    return;
  }
  if (task === site.task) {
    report('self-need', `"${task.id}" refers to its own result.`);
    return;
  }
  if (reference.kind !== 'output') return;
  const declared = Object.keys(asRecord(task.body.outputs));
  // What a function or a child run gives back is known to its code alone, unless it is declared.
  const open = ['python', 'node', 'workflow'].some((kind) => task.body[kind] !== undefined) && declared.length === 0;
  if (open || declared.includes(reference.name)) return;
  const known = declared.length === 0 ? 'it declares none' : `it declares ${declared.join(', ')}`;
  report('unknown-output', `task "${task.id}" has no output "${reference.name}"; ${known}.`);
}

function holdsReference(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.includes('${{');
  if (Array.isArray(value)) return value.some(holdsReference);
  return value !== undefined && Object.values(asRecord(value)).some(holdsReference);
}

/** The end of a sentence that says a name is not there. */
function meant(name: string, candidates: Iterable<string>): string {
  const suggestion = closestName(name, candidates);
  return suggestion === undefined ? '.' : `; did you mean "${suggestion}"?`;
}
