import type { Finding } from './check-structure.js';
import { closestName } from './closest-name.js';
import type { Json } from './definition-types.js';
import type { DocumentView, TaskView } from './document-view.js';
import { asRecord, partAt } from './document-view.js';
import { durationMs } from './duration.js';
import { fieldName } from './json-pointer.js';
import { referencesIn } from './references.js';
import { findCycles } from './topological-order.js';
import { parseWhen } from './when-expression.js';

/** Hints cost time, and nobody reads the two hundredth. */
export const MAX_HINTED = 200;

/** What is wrong with ids, edges and amounts, and, as warnings, what looks forgotten. */
export function checkTasks(view: DocumentView): Finding[] {
  const findings: Finding[] = [];
  checkIds(view, findings);
  for (const task of [...view.tasks.values(), ...view.finallyTasks.values()]) {
    checkNeeds(task, task.isFinally ? view.finallyTasks : view.tasks, findings);
    checkDurations(task.body, task.path, findings);
    checkEnvNames(task.body.env, [...task.path, 'env'], findings);
  }
  for (const tasks of [view.tasks, view.finallyTasks]) checkCycles(tasks, findings);
  checkDurations(view.root, [], findings);
  checkDurations(asRecord(view.root.defaults), ['defaults'], findings);
  checkEnvNames(view.root.env, ['env'], findings);
  checkEnvNames(partAt(view.root, ['defaults', 'env']), ['defaults', 'env'], findings);
  warnOfOrphans(view, findings);
  warnOfUnusedParams(view, findings);
  return findings;
}

/** The edges into a task: written and implied by references, among tasks that exist, without itself. */
export function needsOf(task: TaskView, tasks: ReadonlyMap<string, TaskView>): string[] {
  const all = new Set([...task.needs, ...task.implied]);
  return [...all].filter((id) => id !== task.id && tasks.has(id)).sort();
}

function checkIds(view: DocumentView, findings: Finding[]): void {
  const ids = [...view.tasks.values(), ...view.finallyTasks.values()];
  const flat = new Map<string, TaskView>();
  for (const task of ids) {
    const report = (severity: 'error' | 'warning', code: string, message: string): void => {
      findings.push({ severity, code, message, path: task.path });
    };
    if (task.isFinally && view.tasks.has(task.id)) {
      report('error', 'duplicate-id', `"${task.id}" is an id under "tasks" and under "finally"; ids are unique.`);
      continue;
    }
    const [, ...inner] = task.id.split('.');
    const reserved = inner.find((segment) => segment === 'outputs' || segment === 'state');
    if (reserved !== undefined) {
      report(
        'error',
        'bad-name',
        `"${task.id}" cannot be an id: "${reserved}" has a meaning of its own in references.`,
      );
    }
    const groups = inner.map((_, index) => task.id.split('.', index + 1).join('.'));
    const clash = groups.find((group) => view.tasks.has(group) || view.finallyTasks.has(group));
    if (clash !== undefined) {
      report('error', 'group-and-task', `"${clash}" is a task, so "${task.id}" cannot be grouped under it.`);
    }
    const other = flat.get(task.id.replaceAll('.', '-'));
    if (other !== undefined) {
      report('warning', 'name-collision', `"${task.id}" and "${other.id}" are one name on engines without groups.`);
    }
    flat.set(task.id.replaceAll('.', '-'), task);
  }
}

function checkNeeds(task: TaskView, tasks: ReadonlyMap<string, TaskView>, findings: Finding[]): void {
  const written = task.body.needs;
  const report = (code: string, message: string, ...at: string[]): void => {
    findings.push({ severity: 'error', code, message, path: [...task.path, ...at] });
  };
  (Array.isArray(written) ? written : []).forEach((need, index) => {
    if (typeof need !== 'string') return;
    const at = ['needs', String(index)];
    const field = fieldName([...task.path, ...at]);
    if (need === task.id) report('self-need', `${field}: a task cannot need itself.`, ...at);
    else if (!tasks.has(need)) {
      const suggestion = findings.length < MAX_HINTED ? closestName(need, tasks.keys()) : undefined;
      const hint = suggestion === undefined ? '.' : `; did you mean "${suggestion}"?`;
      report('unknown-need', `${field}: there is no task "${need}"${hint}`, ...at);
    }
  });
  const { trigger } = task.body;
  const waitsForOne = trigger === 'any-succeeded' || trigger === 'any-failed';
  if (waitsForOne && task.needs.length === 0 && task.implied.length === 0) {
    const field = fieldName([...task.path, 'trigger']);
    report(
      'trigger-without-needs',
      `${field}: "${trigger}" of nothing never happens; the task needs no other.`,
      'trigger',
    );
  }
}

function checkCycles(tasks: ReadonlyMap<string, TaskView>, findings: Finding[]): void {
  const needs = new Map([...tasks].map(([id, task]) => [id, needsOf(task, tasks)]));
  for (const cycle of findCycles(needs)) {
    const first = tasks.get(cycle[0] ?? '');
    const path = first === undefined ? ['tasks'] : [...first.path, ...(first.needs.length > 0 ? ['needs'] : [])];
    const message = `Tasks wait for each other: ${cycle.join(' -> ')}.`;
    findings.push({ severity: 'error', code: 'cycle', message, path });
  }
}

const DURATIONS: readonly { path: readonly string[]; zero: boolean }[] = [
  { path: ['timeout'], zero: false },
  { path: ['wait'], zero: true },
  { path: ['retry', 'delay'], zero: true },
  { path: ['retry', 'maxDelay'], zero: true },
  { path: ['cache', 'ttl'], zero: true },
];

function checkDurations(body: Record<string, Json>, path: string[], findings: Finding[]): void {
  for (const { path: at, zero } of DURATIONS) {
    const text = partAt(body, at);
    if (typeof text !== 'string' || !/^([0-9]+(ms|s|m|h|d))+$/.test(text)) continue;
    const ms = durationMs(text);
    if (ms !== undefined && (ms > 0 || zero)) continue;
    const message = `${fieldName([...path, ...at])} must be ${ms === 0 ? 'more than 0' : 'ten years or less'}.`;
    findings.push({ severity: 'error', code: 'out-of-range', message, path: [...path, ...at] });
  }
}

function checkEnvNames(env: Json | undefined, path: string[], findings: Finding[]): void {
  for (const name of Object.keys(asRecord(env))) {
    if (!name.startsWith('SIGNALBOX_')) continue;
    const message = `${fieldName([...path, name])} is not seen by the task: SIGNALBOX_* are set by the runner.`;
    findings.push({ severity: 'warning', code: 'reserved-name', message, path: [...path, name] });
  }
}

function warnOfOrphans(view: DocumentView, findings: Finding[]): void {
  if (view.tasks.size < 2) return;
  const used = new Set([...view.finallyTasks.values()].flatMap(({ implied }) => implied));
  for (const { reference } of referencesIn(view.root.outputs ?? null))
    if ('task' in reference) used.add(reference.task);
  for (const task of view.tasks.values()) needsOf(task, view.tasks).forEach((need) => used.add(need));
  for (const task of view.tasks.values()) {
    if (used.has(task.id) || needsOf(task, view.tasks).length > 0) continue;
    const message = `"${task.id}" stands alone: it needs no task and none needs it.`;
    findings.push({ severity: 'warning', code: 'orphan-task', message, path: task.path });
  }
}

function warnOfUnusedParams(view: DocumentView, findings: Finding[]): void {
  const { params: _, ...rest } = view.root;
  const references = referencesIn(rest).map(({ reference }) => reference);
  for (const task of [...view.tasks.values(), ...view.finallyTasks.values()]) {
    if (typeof task.body.when === 'string') references.push(...parseWhen(task.body.when).references);
  }
  const used = new Set(references.flatMap((reference) => (reference.kind === 'param' ? [reference.name] : [])));
  for (const name of view.params.keys()) {
    if (used.has(name)) continue;
    const path = ['params', name];
    findings.push({ severity: 'warning', code: 'unused-param', message: `${fieldName(path)} is used nowhere.`, path });
  }
}
